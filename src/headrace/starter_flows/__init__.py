"""Starter flow files."""
