"""The editor's context in a worker: each question of a component about the user's flows is a request to the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from headrace.component.editor_context import FlowPorts, Port
from headrace.mcp.client import McpConnection, parse_server

if TYPE_CHECKING:
    from headrace.component.context import McpTools
    from headrace.isolation.guest.worker_context import WorkerEgress
    from headrace.isolation.rpc.connection import RpcConnection

#: Time for which a connection to an MCP server stays open, in seconds.
MAX_EDIT_SECONDS = 60.0


class RemoteEditorContext:
    """Implements `component.editor_context.EditorContext` with requests to the server."""

    def __init__(self, connection: RpcConnection, number: int, egress: WorkerEgress) -> None:
        self._connection = connection
        self._number = number
        self.egress = egress

    async def mcp_server(self, value: object) -> McpTools:
        """Return a connection to an MCP server over HTTP, which ends after the change."""
        connection = McpConnection(parse_server(value), self.egress)
        asyncio.get_running_loop().call_later(MAX_EDIT_SECONDS, connection.close)
        return connection

    async def flow_names(self) -> list[str]:
        """Return the names of the user's flows."""
        return [str(name) for name in await self._connection.request("list_flow_names", {"edit": self._number})]

    async def flow_ports(self, name: str) -> FlowPorts | None:
        """Return the ports of the user's flow with this name, or None if there is no such flow."""
        raw = await self._connection.request("get_flow_ports", {"edit": self._number, "name": name})
        if raw is None:
            return None
        inputs, outputs = (
            tuple(Port(**{**port, "types": tuple(port["types"])}) for port in raw[side])
            for side in ("inputs", "outputs")
        )
        return FlowPorts(raw["flow_id"], inputs, outputs)
