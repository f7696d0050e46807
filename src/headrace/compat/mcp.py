"""Clients of MCP servers, for components that connect by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.compat.current import context_of
from headrace.component.component import ComponentError
from headrace.component.tools import tool_name
from headrace.mcp_client import McpConnection, McpServer, server_of, text_of_result

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
    from mcp.types import Tool


class MCPStreamableHttpClient:
    """A session with a server over HTTP."""

    def __init__(self) -> None:
        self._connection: McpConnection | None = None

    async def connect_to_server(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        sse_read_timeout_seconds: int = 30,
        *,
        verify_ssl: bool = True,
    ) -> list[Tool]:
        """Return a server's tools.

        Raises:
            McpError: it cannot be used.

        """
        return await self.connect(server_of({"url": url, "headers": headers or {}}))

    async def connect(self, server: McpServer) -> list[Tool]:
        """Return the tools of a server that is known; see `connect_to_server`."""
        context = context_of("MCPStreamableHttpClient")
        self._connection = McpConnection(server, context.egress)
        context.at_end(self._connection.close)
        return await self._connection.tools()

    def set_session_context(self, context_id: str) -> None:
        """Do nothing: each run has sessions of its own."""

    async def run_tool(self, tool_name: str, arguments: dict[str, Any]) -> Any:
        """Have the server use a tool, and return what it gives.

        Raises:
            ValueError: there is no session.
            McpError: the server cannot be used.

        """
        if self._connection is None:
            raise ValueError("Connect to the MCP server before its tools are used.")
        return await self._connection.call(tool_name, arguments)

    async def disconnect(self) -> None:
        """End the session."""
        if self._connection is not None:
            self._connection.close()


class MCPStdioClient(MCPStreamableHttpClient):
    """What starts a server by a command elsewhere. Here a proxy's command stands for its address, and no other is started."""

    async def connect_to_server(  # type: ignore[override]
        self, command_str: str, env: dict[str, str] | None = None
    ) -> list[Tool]:
        """Return the tools of the server that a proxy's command leads to.

        Raises:
            McpError: the command is no proxy's.

        """
        command, *arguments = command_str.split() or [""]
        return await self.connect(server_of({"command": command, "args": arguments}))


async def update_tools(
    server_name: str,
    server_config: dict[str, Any],
    mcp_stdio_client: MCPStdioClient | None = None,
    mcp_streamable_http_client: MCPStreamableHttpClient | None = None,
    mcp_sse_client: MCPStreamableHttpClient | None = None,
) -> tuple[str, list[BaseTool], dict[str, BaseTool]]:
    """Return how a server is spoken to, its tools, and its tools by name.

    Raises:
        McpError: it cannot be used.
        ComponentError: no server is named.

    """
    if not server_name:
        return "", [], {}
    if not server_config:
        raise ComponentError(f"The MCP server {server_name!r} has no settings.")
    server = server_of({"name": server_name, "config": server_config})
    client = mcp_streamable_http_client or mcp_sse_client or mcp_stdio_client or MCPStreamableHttpClient()
    tools = {tool.name: _as_tool(client, tool) for tool in await client.connect(server)}
    return "SSE" if server.uses_sse else "Streamable_HTTP", list(tools.values()), tools


def _as_tool(client: MCPStreamableHttpClient, tool: Tool) -> BaseTool:
    from langchain_core.tools import StructuredTool, ToolException

    async def call(**arguments: Any) -> Any:
        result = await client.run_tool(tool.name, arguments)
        if result.is_error:
            raise ToolException(text_of_result(result))
        return result

    return StructuredTool(
        name=tool_name(tool.name),
        description=tool.description or tool.name,
        args_schema=tool.input_schema,
        coroutine=call,
        metadata={"display_name": tool.title or tool.name},
    )
