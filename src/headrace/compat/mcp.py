"""MCP clients for component code that connects to servers itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.compat.active_run import current_context
from headrace.component.component import ComponentError
from headrace.component.tools import tool_name
from headrace.mcp.client import McpConnection, McpServer, parse_server, text_of_result

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
    from mcp.types import Tool


class MCPStreamableHttpClient:
    """A session with an MCP server over HTTP."""

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
        """Connect to a server and return its tools.

        Raises:
            McpError: the connection fails.

        """
        return await self.connect(parse_server({"url": url, "headers": headers or {}}))

    async def connect(self, server: McpServer) -> list[Tool]:
        """Connect to a configured server and return its tools; see `connect_to_server`."""
        context = current_context("MCPStreamableHttpClient")
        self._connection = McpConnection(server, context.egress)
        context.on_close(self._connection.close)
        return await self._connection.tools()

    def set_session_context(self, context_id: str) -> None:
        """Do nothing: each run opens its own sessions."""

    async def run_tool(self, tool_name: str, arguments: dict[str, Any]) -> Any:
        """Call a tool and return its result.

        Raises:
            ValueError: the client is not connected.
            McpError: the call fails.

        """
        if self._connection is None:
            raise ValueError("The MCP client is not connected. Call connect_to_server first.")
        return await self._connection.call(tool_name, arguments)

    async def disconnect(self) -> None:
        """Close the session."""
        if self._connection is not None:
            self._connection.close()


class MCPStdioClient(MCPStreamableHttpClient):
    """A session with an MCP server that a command describes.

    The server starts no processes: only the command of an MCP proxy is accepted, which states the URL of its server.
    """

    async def connect_to_server(  # type: ignore[override]  # the signature of Langflow's class
        self, command_str: str, env: dict[str, str] | None = None
    ) -> list[Tool]:
        """Connect to the server that a proxy command states, and return its tools.

        Raises:
            McpError: the command is not that of a known proxy, or the connection fails.

        """
        command, *arguments = command_str.split() or [""]
        return await self.connect(parse_server({"command": command, "args": arguments}))


async def update_tools(
    server_name: str,
    server_config: dict[str, Any],
    mcp_stdio_client: MCPStdioClient | None = None,
    mcp_streamable_http_client: MCPStreamableHttpClient | None = None,
    mcp_sse_client: MCPStreamableHttpClient | None = None,
) -> tuple[str, list[BaseTool], dict[str, BaseTool]]:
    """Connect to a server and return its transport, its tools, and its tools by name. Without a name, return no tools.

    Raises:
        McpError: the connection fails.
        ComponentError: the server has no configuration.

    """
    if not server_name:
        return "", [], {}
    if not server_config:
        raise ComponentError(f"The MCP server {server_name!r} has no configuration. Select a server or enter its JSON.")
    server = parse_server({"name": server_name, "config": server_config})
    client = mcp_streamable_http_client or mcp_sse_client or mcp_stdio_client or MCPStreamableHttpClient()
    tools = {tool.name: _create_tool(client, tool) for tool in await client.connect(server)}
    return "SSE" if server.uses_sse else "Streamable_HTTP", list(tools.values()), tools


def _create_tool(client: MCPStreamableHttpClient, tool: Tool) -> BaseTool:
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
