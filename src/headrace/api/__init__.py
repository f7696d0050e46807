"""The HTTP API: one thin router a resource, with its wire models."""
