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
