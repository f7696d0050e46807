"""The interface of the editor for a component whose node is edited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from headrace.component.context import Egress, McpTools


@dataclass(frozen=True, slots=True)
class Port:
    """An input field or an output of a vertex in another flow."""

    vertex_id: str
    vertex_name: str
    name: str
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowPorts:
    """The input fields and outputs of another flow."""

    flow_id: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


class EditorContext(Protocol):
    """The user who edits a node: their flows and network access."""

    @property
    def egress(self) -> Egress:
        """Network access, limited to the addresses that the operator allows."""
        ...

    async def mcp_server(self, value: object) -> McpTools:
        """Return a connection to the MCP server in the value of a field; raise an error if the user may not use it."""
        ...

    async def flow_names(self) -> list[str]:
        """Return the names of the user's flows."""
        ...

    async def flow_ports(self, name: str) -> FlowPorts | None:
        """Return the ports of the user's flow with this name, or None if it is missing."""
        ...
