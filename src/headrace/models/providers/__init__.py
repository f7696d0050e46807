"""Modules with providers. Each module defines a tuple `PROVIDERS`."""
