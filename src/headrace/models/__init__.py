"""Chat models: their interface, their providers, and agents' tool loops."""
