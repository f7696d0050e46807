"""The host side of isolation: the server starts worker processes and serves their runs."""
