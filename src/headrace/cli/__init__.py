"""The command line: one file per command."""

from headrace.cli.entry_point import app, main

__all__ = ["app", "main"]
