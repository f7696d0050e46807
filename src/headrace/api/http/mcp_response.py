"""A response of the MCP server, which reads the rest of the request and writes the response itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from headrace.mcp.provider import Caller
    from headrace.services.mcp_server import McpServer


class McpResponse(Response):
    """The response to a request over streamable HTTP."""

    def __init__(self, server: McpServer, caller: Caller) -> None:
        """Create the response.

        Args:
            server: the MCP server of the process.
            caller: the user as whom the client acts.

        """
        super().__init__()
        self._server = server
        self._caller = caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        await self._server.serve(self._caller, scope, receive, send)


class McpSseResponse(Response):
    """The stream of a session over SSE."""

    def __init__(self, server: McpServer, caller: Caller, endpoint: str) -> None:
        """Create the response.

        Args:
            server: the MCP server of the process.
            caller: the user as whom the client acts.
            endpoint: the path to which the client posts its messages.

        """
        super().__init__()
        self._server = server
        self._caller = caller
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        await self._server.serve_sse(self._caller, self._endpoint, scope, receive, send)


class McpMessageResponse(Response):
    """The response to a message of a session over SSE, whose answer is sent on the stream."""

    def __init__(self, server: McpServer, caller: Caller, endpoint: str, session_id: str) -> None:
        """Create the response.

        Args:
            server: the MCP server of the process.
            caller: the user as whom the client acts.
            endpoint: the path to which the client posts its messages.
            session_id: the id of the session.

        """
        super().__init__()
        self._server = server
        self._caller = caller
        self._endpoint = endpoint
        self._session_id = session_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Accept the message."""
        await self._server.serve_sse_message(self._caller, self._endpoint, self._session_id, scope, receive, send)
