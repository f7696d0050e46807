"""A client for servers of the Model Context Protocol (MCP) over HTTP, through the egress guard.

Protocol: https://modelcontextprotocol.io/specification, implemented by the official SDK.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.errors import HeadraceError
from headrace.net.urls import displayed_url, remove_url_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp.types import CallToolResult, Tool

    from headrace.component.context import Egress

#: The time limit for opening a session, in seconds.
CONNECT_TIMEOUT_SECONDS = 20.0
#: The time limit of a request, such as a tool call, in seconds.
CALL_TIMEOUT_SECONDS = 300.0
_PROXY = "mcp-proxy"
#: The maximum number of tools of a server; further pages are not requested.
_MAX_TOOLS = 1000
#: The maximum number of pages of the list: pages may be empty.
_MAX_PAGES = 100


class McpError(HeadraceError):
    """An MCP server cannot be used."""


@dataclass(frozen=True, slots=True)
class McpServer:
    """The address of an MCP server."""

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Whether to use the older SSE transport, in which responses arrive on a separate stream.
    uses_sse: bool = False


def parse_server(value: object) -> McpServer:
    """Return the server in the value of a field: `{name, config: {url, headers}}`, the format of MCP clients.

    Commands are not started; a command that is a proxy to a URL is replaced by that URL.

    Raises:
        McpError: the value contains no usable URL.

    """
    fields = value if isinstance(value, dict) else {}
    name = str(fields.get("name") or "")
    config = fields.get("config") or fields
    if not isinstance(config, dict):
        raise McpError("The settings of the MCP server are not valid: they must be a JSON object.")
    arguments = [str(a) for a in config.get("args") or []]
    url = str(config.get("url") or "")
    if not url and _PROXY in " ".join([str(config.get("command") or ""), *arguments]):
        url = next((a for a in reversed(arguments) if a.startswith(("http://", "https://"))), "")
    if not url and config.get("command"):
        raise McpError(
            f"The MCP server {name!r} is a command, which a flow may not start. "
            "Serve it over HTTP, for example with mcp-proxy, and enter its URL."
        )
    if not url:
        raise McpError("The MCP server has no URL. Enter one, such as https://host/mcp.")
    kind = str(config.get("transport") or config.get("type") or config.get("mode") or "").lower()
    headers = _parse_headers(config.get("headers"))
    return McpServer(
        name or displayed_url(url), url, headers, kind == "sse" or (not kind and url.rstrip("/").endswith("/sse"))
    )


def _parse_headers(value: object) -> dict[str, str]:
    if isinstance(value, dict):
        return {str(k): str(v) for k, v in value.items()}
    rows = value if isinstance(value, list) else []
    return {str(row["key"]): str(row["value"]) for row in rows if isinstance(row, dict) and row.get("key")}


class McpConnection:
    """A session with an MCP server, which a task opens on first use and holds until `close`."""

    def __init__(self, server: McpServer, egress: Egress) -> None:
        """Create a connection without opening it.

        Args:
            server: the address of the server.
            egress: creates guarded HTTP clients.

        """
        self._server = server
        self._egress = egress
        self._session_task: asyncio.Task[None] | None = None
        self._ready_client: asyncio.Future[Any] | None = None

    async def tools(self) -> list[Tool]:
        """Return the tools of all pages of the server's list.

        Raises:
            McpError: the server cannot be reached or returns an invalid response.

        """
        found: list[Tool] = []
        cursor: str | None = None
        for _ in range(_MAX_PAGES):
            page = await self._request("list_tools", cursor=cursor)
            found += page.tools
            cursor = page.next_cursor
            if not cursor or len(found) > _MAX_TOOLS:
                break
        return found

    async def call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        """Call a tool and return its result; the result of a failed tool contains its error.

        Raises:
            McpError: the server cannot be reached or returns an invalid response.

        """
        return await self._request("call_tool", tool, arguments)  # type: ignore[no-any-return]

    def close(self) -> None:
        """Close the session."""
        if self._session_task is not None:
            self._session_task.cancel()

    async def _request(self, method: str, *args: Any, **kwargs: Any) -> Any:
        try:
            client = await self._session()
            async with asyncio.timeout(CALL_TIMEOUT_SECONDS):
                return await getattr(client, method)(*args, **kwargs)
        except TimeoutError as error:
            raise McpError(
                f"The MCP server {self._server.name} does not answer. Check that it is running, or try again."
            ) from error
        except McpError:
            raise
        except Exception as error:
            raise McpError(
                f"The MCP server {self._server.name} cannot be used: {remove_url_secrets(_first_message(error))}"
            ) from error

    async def _session(self) -> Any:
        if self._ready_client is None:
            self._egress.check(self._server.url)
            self._ready_client = asyncio.get_running_loop().create_future()
            self._session_task = asyncio.create_task(self._hold_session(self._ready_client))
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            return await asyncio.shield(self._ready_client)

    async def _hold_session(self, ready: asyncio.Future[Any]) -> None:
        """Hold the session open until this task is cancelled: the SDK must close it in the task that opened it."""
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
            # The waiting callers receive the error; the next request opens a new session.
            _fail(ready, error, error)
            self._ready_client = None

    def _transport(self) -> Any:
        if self._server.uses_sse:
            from mcp.client.sse import sse_client

            def create_client(headers: Any = None, timeout: Any = None, auth: Any = None) -> Any:
                client = self._egress.client(CALL_TIMEOUT_SECONDS)
                client.headers.update(headers or {})
                return client

            return sse_client(self._server.url, headers=dict(self._server.headers), httpx_client_factory=create_client)
        from mcp.client.streamable_http import streamable_http_client

        client = self._egress.client(CALL_TIMEOUT_SECONDS)
        client.headers.update(self._server.headers)
        return streamable_http_client(self._server.url, http_client=client)


def _fail(ready: asyncio.Future[Any], error: Exception, cause: Exception) -> None:
    if not ready.done():
        error.__cause__ = cause if cause is not error else error.__cause__
        ready.set_exception(error)
        ready.exception()


def _first_message(error: BaseException) -> str:
    """Return the text of an error, or of the first error in a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__


def text_of_result(result: CallToolResult) -> str:
    """Return the result of a tool as text for a model."""
    texts = [str(getattr(item, "text", "") or f"<{item.type}>") for item in result.content]
    return "\n".join(texts)
