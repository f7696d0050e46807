"""Logging: configuration, request ids and the buffer of recent lines."""
