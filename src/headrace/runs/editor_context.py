"""The editor's user as components see them: their flows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.component.component import output_types
from headrace.component.editor_context import FlowPorts, Port
from headrace.db import flows
from headrace.db.flows import FlowFilter
from headrace.runs.tweaks import INPUT_FIELD

if TYPE_CHECKING:
    from headrace.component.context import Egress, McpTools
    from headrace.db.database import Database
    from headrace.graph.vertex import Vertex
    from headrace.runs.flow_resolver import FlowResolver
    from headrace.runs.mcp_access import McpAccess


@dataclass(frozen=True, slots=True)
class ServerEditorContext:
    """One user at an editor."""

    store: Database
    resolver: FlowResolver
    user: UUID
    egress: Egress
    mcp: McpAccess

    async def mcp_server(self, value: object) -> McpTools:
        """Return the user's connection to an MCP server; see `McpAccess.connect`."""
        return await self.mcp.connect(self.user, value)

    async def flow_names(self) -> list[str]:
        """Return the names of the user's flows, oldest first."""
        async with self.store.connect() as connection:
            rows = await flows.list_names(connection, self.user, FlowFilter(is_component=False))
        return [row["name"] for row in rows]

    async def flow_ports(self, name: str) -> FlowPorts | None:
        """Return the ports of the user's flow of this name.

        Raises:
            FlowError: it cannot be run as it is drawn.

        """
        async with self.store.connect() as connection:
            flow_id = await flows.find_id(connection, self.user, name)
        if flow_id is None:
            return None
        plan = (await self.resolver.resolve(self.user, str(flow_id))).plan
        inputs = [Port(v.id, v.display_name, INPUT_FIELD) for v in plan.input_vertices("any")]
        return FlowPorts(
            str(flow_id), tuple(inputs), tuple(p for v in plan.output_vertices("any") for p in _outputs(v))
        )


def _outputs(vertex: Vertex) -> list[Port]:
    return [Port(vertex.id, vertex.display_name, name, output_types(vertex.component, name)) for name in vertex.outputs]
