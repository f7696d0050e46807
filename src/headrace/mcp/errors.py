"""Errors of MCP servers."""

from __future__ import annotations

from headrace.errors import HeadraceError, RetryLaterError

#: Time after which a user with too many connections should try again, in seconds.
RETRY_SECONDS = 5


class McpError(HeadraceError):
    """An MCP server cannot be used."""


class TooManyMcpConnectionsError(RetryLaterError):
    """All connections to MCP servers that a user or the server may have are in use."""

    def __init__(self, problem: str, setting: str) -> None:
        super().__init__(f"{problem}. Wait until calls have ended. An operator can raise {setting}.", RETRY_SECONDS)
