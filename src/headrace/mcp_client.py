"""Servers of tools that speak the Model Context Protocol, over HTTP and through the guarded egress.

Protocol: https://modelcontextprotocol.io/specification; the official SDK speaks it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp.types import CallToolResult, Tool

    from headrace.component.context import Egress

#: A server has so long to answer the first time, seconds.
CONNECT_SECONDS = 20.0
#: A tool may take so long, seconds.
CALL_SECONDS = 300.0
_PROXY = "mcp-proxy"


class McpError(HeadraceError):
    """A server of tools cannot be used; says which and why."""


@dataclass(frozen=True, slots=True)
class McpServer:
    """Where a server of tools is."""

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Whether it is an older server, which answers on a stream of its own.
    uses_sse: bool = False


def server_of(value: object) -> McpServer:
    """Return the server that a field names: `{name, config: {url, headers}}`, as clients of MCP write it.

    A command is not started; one that is a proxy to an address stands for that address.

    Raises:
        McpError: the field names none that can be reached.

    """
    given = value if isinstance(value, dict) else {}
    name = str(given.get("name") or "")
    config = given.get("config") or given
    if not isinstance(config, dict):
        raise McpError("The MCP server's settings are no JSON object.")
    arguments = [str(a) for a in config.get("args") or []]
    url = str(config.get("url") or "")
    if not url and _PROXY in " ".join([str(config.get("command") or ""), *arguments]):
        url = next((a for a in reversed(arguments) if a.startswith(("http://", "https://"))), "")
    if not url and config.get("command"):
        raise McpError(
            f"The MCP server {name!r} is a command, and a flow starts none on the server's machine. "
            "Serve it over HTTP (with mcp-proxy, say) and give its address."
        )
    if not url:
        raise McpError("Name an MCP server: its address, such as https://host/mcp.")
    kind = str(config.get("transport") or config.get("type") or config.get("mode") or "").lower()
    headers = _headers(config.get("headers"))
    return McpServer(name or url, url, headers, kind == "sse" or (not kind and url.rstrip("/").endswith("/sse")))


def _headers(given: object) -> dict[str, str]:
    if isinstance(given, dict):
        return {str(k): str(v) for k, v in given.items()}
    rows = given if isinstance(given, list) else []
    return {str(row["key"]): str(row["value"]) for row in rows if isinstance(row, dict) and row.get("key")}


class McpConnection:
    """A session with a server of tools: begun at the first use, held by a task of its own, ended with `close`."""

    def __init__(self, server: McpServer, egress: Egress) -> None:
        """Set up without connecting.

        Args:
            server: where it is.
            egress: the guarded way there.

        """
        self._server = server
        self._egress = egress
        self._holding: asyncio.Task[None] | None = None
        self._client: asyncio.Future[Any] | None = None

    async def tools(self) -> list[Tool]:
        """Return the server's tools, all pages of them.

        Raises:
            McpError: it cannot be reached, or does not answer as it should.

        """
        found: list[Tool] = []
        cursor: str | None = None
        while True:
            page = await self._ask("list_tools", cursor=cursor)
            found += page.tools
            cursor = page.next_cursor
            if not cursor or len(found) > 1000:
                return found

    async def call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        """Have the server use a tool, and return what it gives; a tool that fails gives its error.

        Raises:
            McpError: it cannot be reached, or does not answer as it should.

        """
        return await self._ask("call_tool", tool, arguments)  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the session."""
        if self._holding is not None:
            self._holding.cancel()

    async def _ask(self, method: str, *args: Any, **kwargs: Any) -> Any:
        try:
            client = await self._session()
            async with asyncio.timeout(CALL_SECONDS):
                return await getattr(client, method)(*args, **kwargs)
        except TimeoutError as error:
            raise McpError(f"The MCP server {self._server.name} does not answer.") from error
        except McpError:
            raise
        except Exception as error:
            raise McpError(f"The MCP server {self._server.name} cannot be used: {_first(error)}") from error

    async def _session(self) -> Any:
        if self._client is None:
            self._egress.check(self._server.url)
            self._client = asyncio.get_running_loop().create_future()
            self._holding = asyncio.create_task(self._hold(self._client))
        async with asyncio.timeout(CONNECT_SECONDS):
            return await asyncio.shield(self._client)

    async def _hold(self, ready: asyncio.Future[Any]) -> None:
        """Hold the session open until this task is cancelled: the SDK wants it left where it was entered."""
        try:
            from mcp.client import Client

            async with Client(self._transport()) as client:
                ready.set_result(client)
                await asyncio.Event().wait()
        except ModuleNotFoundError as error:
            _fail(
                ready, McpError("MCP servers need a package that isn't installed: pip install 'headrace[mcp]'"), error
            )
        except Exception as error:
            # Whoever waits is told; where nobody does, the next to ask is.
            _fail(ready, error, error)
            self._client = None

    def _transport(self) -> Any:
        if self._server.uses_sse:
            from mcp.client.sse import sse_client

            def guarded(headers: Any = None, timeout: Any = None, auth: Any = None) -> Any:
                client = self._egress.client(CALL_SECONDS)
                client.headers.update(headers or {})
                return client

            return sse_client(self._server.url, headers=dict(self._server.headers), httpx_client_factory=guarded)
        from mcp.client.streamable_http import streamable_http_client

        client = self._egress.client(CALL_SECONDS)
        client.headers.update(self._server.headers)
        return streamable_http_client(self._server.url, http_client=client)


def _fail(ready: asyncio.Future[Any], error: Exception, cause: Exception) -> None:
    if not ready.done():
        error.__cause__ = cause if cause is not error else error.__cause__
        ready.set_exception(error)
        ready.exception()


def _first(error: BaseException) -> str:
    """Return the text of an error, or of the first of those that happened side by side."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__


def text_of_result(result: CallToolResult) -> str:
    """Return what a tool gave as a model reads it."""
    pieces = [str(getattr(piece, "text", "") or f"<{piece.type}>") for piece in result.content]
    return "\n".join(pieces)
