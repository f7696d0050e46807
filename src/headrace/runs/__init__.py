"""What a run means to the server: which flow, whose session, which tweaks, and how its answer looks."""
