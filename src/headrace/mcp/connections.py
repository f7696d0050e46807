"""The connections to MCP servers of one process, which the runs of a user share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from headrace.mcp.client import McpConnection
from headrace.mcp.errors import TooManyMcpConnectionsError

if TYPE_CHECKING:
    from headrace.component.context import Egress
    from headrace.mcp.limits import McpLimits
    from headrace.mcp.server_config import McpServer

#: The longest time between two searches for idle connections, in seconds.
MAX_SEARCH_SECONDS = 15.0

#: The id of the owner, and the fingerprint of the server.
Key = tuple[str, str]


class McpConnections:
    """Creates connections, shares each among the runs of its user, and closes those that are idle."""

    def __init__(self, egress: Egress, limits: McpLimits) -> None:
        self._egress = egress
        self._limits = limits
        #: The least recently used first.
        self._connections: dict[Key, McpConnection] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._idle_task: asyncio.Task[None] | None = None

    def get(self, owner: str, server: McpServer) -> McpConnection:
        """Return the owner's connection to a server. Its next request opens it.

        Raises:
            TooManyMcpConnectionsError: all connections of the owner, or of all users, have requests in progress.

        """
        key = (owner, server.fingerprint())
        connection = self._connections.pop(key, None)
        if connection is None:
            self._make_room(owner)
            connection = McpConnection(server, self._egress, self._limits, owner)
        connection.last_used = asyncio.get_running_loop().time()
        self._connections[key] = connection
        if self._idle_task is None:
            self._idle_task = asyncio.create_task(self._close_idle())
        return connection

    def discard(self, owner: str, name: str) -> None:
        """Close the owner's connections to the server with a name, because its configuration has changed."""
        for key in [k for k, c in self._connections.items() if k[0] == owner and c.server.name == name]:
            self._remove(key)

    async def close(self) -> None:
        """Close all connections, and wait until their commands have ended."""
        if self._idle_task is not None:
            self._idle_task.cancel()
            await asyncio.gather(self._idle_task, return_exceptions=True)
        for key in list(self._connections):
            self._remove(key)
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _make_room(self, owner: str) -> None:
        own = [key for key in self._connections if key[0] == owner]
        if len(own) >= self._limits.user_connections and not self._remove_first_idle(own):
            raise TooManyMcpConnectionsError(
                f"Your runs use {len(own)} MCP servers at the same time", "HEADRACE_MAX_USER_MCP_CONNECTIONS"
            )
        if len(self._connections) >= self._limits.connections and not self._remove_first_idle(list(self._connections)):
            raise TooManyMcpConnectionsError(
                f"Runs use {len(self._connections)} MCP servers at the same time", "HEADRACE_MAX_MCP_CONNECTIONS"
            )

    def _remove_first_idle(self, keys: list[Key]) -> bool:
        key = next((key for key in keys if not self._connections[key].active), None)
        if key is not None:
            self._remove(key)
        return key is not None

    def _remove(self, key: Key) -> None:
        task = asyncio.create_task(self._connections.pop(key).wait_closed())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close_idle(self) -> None:
        while True:
            await asyncio.sleep(min(self._limits.idle_seconds / 4, MAX_SEARCH_SECONDS))
            before = asyncio.get_running_loop().time() - self._limits.idle_seconds
            for key, connection in list(self._connections.items()):
                if not connection.active and connection.last_used < before:
                    self._remove(key)
