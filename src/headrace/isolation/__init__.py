"""Isolation of custom code in worker processes: the RPC protocol, the server's side (host) and the worker's side (guest)."""
