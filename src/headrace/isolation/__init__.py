"""People's own code in processes of its own: what they may reach, and how values go there and back."""
