"""The guest side of isolation: the worker process that runs custom code."""
