"""`Plan`: a flow compiled for execution. Immutable, shared by all runs of the flow, and free of any run's values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headrace.graph.errors import FlowError

if TYPE_CHECKING:
    from headrace.graph.flow import NodeId
    from headrace.graph.vertex import Subgraph, Vertex


@dataclass(frozen=True, slots=True)
class Plan:
    """All vertices of a flow in the order of its nodes, and the outermost level of its loops."""

    vertices: Mapping[NodeId, Vertex]
    level: Subgraph

    def first_vertices(self) -> list[Vertex]:
        """Return the vertices that an editor shows as the first layer: the chat input alone, or all without predecessors."""
        first = [v for v in self.vertices.values() if not v.predecessors]
        chat_inputs = [v for v in first if _is_of_kind(v.component.input_kind, "chat")]
        return chat_inputs or first

    def input_vertices(self, kind: str) -> list[Vertex]:
        """Return the vertices that receive a run's input.

        Args:
            kind: "chat", "text", or "any" for both.

        """
        return [v for v in self.vertices.values() if _is_of_kind(v.component.input_kind, kind)]

    def output_vertices(self, kind: str) -> list[Vertex]:
        """Return the vertices whose results answer a run: those of the kind, or all output vertices if none matches.

        Args:
            kind: "chat", "text", "any" for both, or "debug" for every vertex of the flow.

        """
        if kind == "debug":
            return list(self.vertices.values())
        matching = [v for v in self.vertices.values() if _is_of_kind(v.component.output_kind, kind)]
        return matching or [v for v in self.vertices.values() if v.component.output_kind]


def subplan(plan: Plan, *, start: str | None, stop: str | None) -> Plan:
    """Return the part of a plan to run for a partial build, or the whole plan if it contains a loop.

    Args:
        plan: the plan of the whole flow.
        start: the vertex to start from; its successors and their dependencies are included. None for all vertices.
        stop: the vertex to stop at; only this vertex and its dependencies are included. None for all vertices.

    Raises:
        FlowError: the flow has no vertex `start` or `stop`.

    """
    for vertex_id in (start, stop):
        if vertex_id is not None and vertex_id not in plan.vertices:
            raise FlowError(f"The flow has no component with the id {vertex_id!r}. Use the id of one of its nodes.")
    included = set(plan.vertices)
    if start is not None:
        included &= _reachable(plan, _reachable(plan, {start}, forward=True), forward=False)
    if stop is not None:
        included &= _reachable(plan, {stop}, forward=False)
    # A flow with a loop runs whole: part of a loop body has no result.
    if len(included) == len(plan.vertices) or any(v.loop for v in plan.level.values()):
        return plan
    # The stream of an output without a consumer in the part is read to its end by its own vertex.
    consumed = {(edge.source, edge.output) for i in included for edge in plan.vertices[i].incoming}
    part = {
        i: replace(
            v,
            successors=tuple(s for s in v.successors if s in included),
            streaming_outputs=frozenset(o for o in v.streaming_outputs if (i, o) in consumed),
        )
        for i, v in plan.vertices.items()
        if i in included
    }
    return Plan(part, part)


def _reachable(plan: Plan, origins: Collection[str], *, forward: bool) -> set[NodeId]:
    """Return the origins and all vertices that follow them, or all that precede them if not `forward`."""
    reached: set[NodeId] = set()
    pending = [i for i in plan.vertices if i in origins]
    while pending:
        current = pending.pop()
        if current not in reached:
            reached.add(current)
            vertex = plan.vertices[current]
            pending += vertex.successors if forward else vertex.predecessors
    return reached


def _is_of_kind(actual: str | None, kind: str) -> bool:
    return actual is not None and kind in {"any", actual}
