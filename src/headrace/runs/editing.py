"""The editor's user as components see them: their flows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.component.component import output_types
from headrace.component.editing import FlowPorts, Port
from headrace.runs.overlay import INPUT_FIELD
from headrace.store import flows
from headrace.store.flows import FlowFilter

if TYPE_CHECKING:
    from headrace.component.context import Egress
    from headrace.graph.plan import Vertex
    from headrace.runs.runner import Runner
    from headrace.store.store import Store


@dataclass(frozen=True, slots=True)
class UserEditing:
    """One user at an editor."""

    store: Store
    runner: Runner
    user: UUID
    egress: Egress

    async def flow_names(self) -> list[str]:
        """Return the names of the user's flows, oldest first."""
        async with self.store.reading() as connection:
            rows = await flows.many(connection, self.user, FlowFilter(is_component=False))
        return [row["name"] for row in rows]

    async def flow_ports(self, name: str) -> FlowPorts | None:
        """Return the ports of the user's flow of this name.

        Raises:
            FlowError: it cannot be run as it is drawn.

        """
        async with self.store.reading() as connection:
            flow_id = await flows.id_of_name(connection, self.user, name)
        if flow_id is None:
            return None
        plan = (await self.runner.target(self.user, str(flow_id))).plan
        inputs = [Port(v.id, v.display_name, INPUT_FIELD) for v in plan.inputs("any")]
        return FlowPorts(str(flow_id), tuple(inputs), tuple(p for v in plan.answers("any") for p in _outputs(v)))


def _outputs(vertex: Vertex) -> list[Port]:
    given = vertex.outputs
    return [Port(vertex.id, vertex.display_name, name, output_types(vertex.component, name)) for name in given]
