"""A connection to a server of the Model Context Protocol (MCP): over HTTP through the egress guard, or to a local command.

Protocol: https://modelcontextprotocol.io/specification, implemented by the official SDK.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.errors import HeadraceError
from headrace.limits.account import Account, current_account
from headrace.mcp.command_process import CommandProcess
from headrace.mcp.errors import McpError
from headrace.mcp.limits import McpLimits
from headrace.mcp.server_config import McpServer, parse_server
from headrace.mcp.tool_limits import usable_tools
from headrace.net.urls import remove_url_secrets

if TYPE_CHECKING:
    from mcp.types import CallToolResult, Tool

    from headrace.component.context import Egress

__all__ = ["McpConnection", "McpError", "McpServer", "parse_server", "text_of_result"]

T = TypeVar("T")

#: The maximum number of tools of a server; further pages are not requested.
_MAX_TOOLS = 1000
#: The maximum number of pages of the list: pages may be empty.
_MAX_PAGES = 100
#: Length of an error text of a server, in characters.
_MAX_ERROR_LENGTH = 2000
#: Wait after the second failure in a row, in seconds. It doubles up to the maximum with each further one.
_FIRST_RETRY_SECONDS = 1.0
_MAX_RETRY_SECONDS = 30.0


class _ConnectionLostError(Exception):
    """The session ended during a request, or had ended before."""


class McpConnection:
    """A session with an MCP server, which is opened on first use, and again after it has failed, until `close`."""

    def __init__(self, server: McpServer, egress: Egress, limits: McpLimits | None = None, owner: str = "") -> None:
        """Create a connection without opening it.

        Args:
            server: the server.
            egress: creates guarded HTTP clients.
            limits: limits of time and size.
            owner: the id of the user that requests count against.

        """
        self.server = server
        self._egress = egress
        self._limits = limits or McpLimits()
        self._owner = owner
        self._task: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[Any] | None = None
        self._process: CommandProcess | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._last_error = ""
        #: Why a request could not be sent, which ended the session.
        self._lost_reason = ""
        #: The number of requests in progress.
        self.active = 0
        #: When the last request ended, as a time of the event loop.
        self.last_used = 0.0

    async def tools(self) -> list[Tool]:
        """Return the tools of all pages of the server's list.

        Raises:
            McpError: the server cannot be reached or returns an invalid response.

        """
        found: list[Tool] = []
        cursor: str | None = None
        for _ in range(_MAX_PAGES):
            page = await self._list_page(cursor)
            found += page.tools
            cursor = page.next_cursor
            if not cursor or len(found) > _MAX_TOOLS:
                break
        return usable_tools(self.server.name, found[:_MAX_TOOLS])

    async def _list_page(self, cursor: str | None) -> Any:
        def request(client: Any) -> Any:
            return client.list_tools(cursor=cursor)

        try:
            return await self._request(request, self._limits.connect_seconds)
        except _ConnectionLostError:
            # The server may have been restarted since the last request.
            return await self._final_request(request, self._limits.connect_seconds)
        except McpError as error:
            if isinstance(error.__cause__, TimeoutError):
                # A server that cannot list its tools hangs.
                self.close()
            raise

    async def call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        """Call a tool and return its result; the result of a failed tool contains its error.

        Raises:
            McpError: the server cannot be reached or returns an invalid response.

        """

        async def request(client: Any) -> CallToolResult:
            from mcp.types import CallToolRequest, CallToolRequestParams, CallToolResult

            # The SDK's `call_tool` also validates the result against the server's schema, whose patterns may take forever.
            message = CallToolRequest(params=CallToolRequestParams(name=tool, arguments=arguments))
            result: CallToolResult = await client.session.send_request(message, CallToolResult)
            return result

        return await self._final_request(request, self._limits.call_seconds)

    def close(self) -> None:
        """Close the session. The next request opens a new one."""
        if self._task is not None:
            self._task.cancel()
        self._ready = None

    async def wait_closed(self) -> None:
        """Close the session, and wait until its resources are released."""
        self.close()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _final_request(self, request: Callable[[Any], Awaitable[T]], seconds: float) -> T:
        try:
            return await self._request(request, seconds)
        except _ConnectionLostError as error:
            raise McpError(f"The MCP server {self.server.name} cannot be used: {error}.") from error

    async def _request(self, request: Callable[[Any], Awaitable[T]], seconds: float) -> T:
        """Open the session if necessary, and send a request.

        Raises:
            McpError: the session cannot be opened, or the request failed.
            _ConnectionLostError: the session has ended.

        """
        self.active += 1
        try:
            client = await self._open()
            try:
                async with asyncio.timeout(seconds):
                    return await request(client)
            except TimeoutError as error:
                raise McpError(
                    f"The MCP server {self.server.name} did not answer within {seconds:g} s. Check that it is running, or "
                    "try again."
                ) from error
            except HeadraceError:
                raise
            except Exception as error:
                await self._raise_if_lost(error)
                raise self._failure(error) from error
        finally:
            self.active -= 1
            self.last_used = asyncio.get_running_loop().time()

    async def _raise_if_lost(self, error: Exception) -> None:
        from mcp.shared.exceptions import MCPError
        from mcp.types import CONNECTION_CLOSED

        is_closed = isinstance(error, MCPError) and error.error.code == CONNECTION_CLOSED
        if self._task is not None and (is_closed or self._task.done()):
            reason = await self._process.wait_for_reason() if self._process is not None else ""
            self.close()
            raise _ConnectionLostError(reason or self._lost_reason or "it ended the connection") from error

    def _failure(self, error: BaseException) -> McpError:
        text = remove_url_secrets(_first_message(error))[:_MAX_ERROR_LENGTH]
        return McpError(f"The MCP server {self.server.name} cannot be used: {text}")

    async def _open(self) -> Any:
        loop = asyncio.get_running_loop()
        if self._ready is None or (self._task is not None and self._task.done()):
            if loop.time() < self._retry_at:
                raise McpError(
                    f"{self._last_error} It failed {self._failures} times in a row; the next attempt is possible in "
                    f"{self._retry_at - loop.time():.0f} s."
                )
            if self.server.url:
                self._egress.check(self.server.url)
            self._ready = loop.create_future()
            context = contextvars.Context()
            context.run(current_account.set, Account(self._owner))
            self._task = loop.create_task(self._hold_session(self._ready, self._task), context=context)
        ready = self._ready
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                client = await asyncio.shield(ready)
        except TimeoutError as error:
            failure = McpError(
                f"The MCP server {self.server.name} did not answer within {self._limits.connect_seconds:g} s. Check that it "
                "is running, or try again."
            )
            self._count_failure(failure.message)
            self.close()
            raise failure from error
        self._failures = 0
        return client

    def _count_failure(self, message: str) -> None:
        self._failures += 1
        self._last_error = message
        if self._failures > 1:
            wait = min(_FIRST_RETRY_SECONDS * 2 ** min(self._failures - 2, 10), _MAX_RETRY_SECONDS)
            self._retry_at = asyncio.get_running_loop().time() + wait

    async def _hold_session(self, ready: asyncio.Future[Any], previous: asyncio.Task[None] | None) -> None:
        """Hold the session open until this task is cancelled: the SDK must close it in the task that opened it."""
        if previous is not None:
            await asyncio.gather(previous, return_exceptions=True)
        self._lost_reason = ""
        try:
            from mcp.client import Client

            async with Client(self._transport(), cache=None) as client:
                ready.set_result(client)
                await asyncio.Event().wait()
        except ModuleNotFoundError as error:
            self._fail(
                ready, McpError("MCP servers need a package that isn't installed: pip install 'headrace[mcp]'"), error
            )
        except Exception as error:
            reason = await self._process.wait_for_reason() if self._process is not None else ""
            failure = self._failure(error)
            if reason:
                failure = McpError(f"The MCP server {self.server.name} cannot be used: {reason}.")
            if isinstance(cause := _first_error(error), HeadraceError):
                failure = McpError(cause.message)
            self._fail(ready, failure, error)

    def _fail(self, ready: asyncio.Future[Any], failure: McpError, cause: Exception) -> None:
        """Pass an error to the callers that wait for the session; the next request opens a new one."""
        if ready.done():
            self._lost_reason = _first_message(cause)
            return
        self._count_failure(failure.message)
        failure.__cause__ = cause
        ready.set_exception(failure)
        # Nobody may wait any more.
        ready.exception()

    def _lose(self, error: Exception) -> None:
        """End the session after a request could not be sent: the SDK would wait for its response."""
        cause = _first_error(error)
        if self._ready is not None:
            failure = McpError(cause.message) if isinstance(cause, HeadraceError) else self._failure(cause)
            self._fail(self._ready, failure, error)
        self._lost_reason = remove_url_secrets(_first_message(cause))[:_MAX_ERROR_LENGTH].rstrip(".")
        self.close()

    def _client(self) -> Any:
        client = self._egress.client(self._limits.call_seconds)
        send = client.send

        async def send_or_end_session(request: Any, **options: Any) -> Any:
            try:
                return await send(request, **options)
            except Exception as error:
                self._lose(error)
                raise

        client.send = send_or_end_session  # type: ignore[method-assign]
        return client

    def _transport(self) -> Any:
        if self.server.command:
            from headrace.mcp.stdio_transport import open_stdio

            self._process = CommandProcess(self.server, self._limits)
            return open_stdio(self._process, self._limits)
        if self.server.uses_sse:
            from mcp.client.sse import sse_client

            def create_client(headers: Any = None, timeout: Any = None, auth: Any = None) -> Any:
                client = self._client()
                client.headers.update(headers or {})
                return client

            return sse_client(self.server.url, headers=dict(self.server.headers), httpx_client_factory=create_client)
        from mcp.client.streamable_http import streamable_http_client

        client = self._client()
        client.headers.update(self.server.headers)
        return streamable_http_client(self.server.url, http_client=client)


def _first_error(error: BaseException) -> BaseException:
    """Return an error, or the first error in a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _first_message(error: BaseException) -> str:
    first = _first_error(error)
    return str(first) or type(first).__name__


def text_of_result(result: CallToolResult) -> str:
    """Return the result of a tool as text for a model."""
    texts = [str(getattr(item, "text", "") or f"<{item.type}>") for item in result.content]
    return "\n".join(texts)
