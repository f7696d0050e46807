"""Chat models: which providers there are, and how each is built."""
