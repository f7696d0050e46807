"""Small utilities for flows and for agents."""
