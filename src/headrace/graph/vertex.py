"""`Vertex`: a node compiled for execution, with its edges, variables and loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.component.component import Component
    from headrace.graph.flow import NodeId

Subgraph = Mapping["NodeId", "Vertex"]


@dataclass(frozen=True, slots=True)
class IncomingEdge:
    """An edge into a vertex: the field that it fills, and the output that it starts from."""

    field: str
    source: NodeId
    output: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the flow's owner that fills a field.

    Attributes:
        is_secret: whether the component treats the field as a secret, which may come from the server's environment.
        is_required: whether a missing variable is an error. Otherwise the field gets the variable's name as its value.

    """

    name: str
    is_secret: bool
    is_required: bool

    @property
    def default(self) -> str | None:
        """Return the value of the field if the variable is missing; None if that is an error."""
        return None if self.is_required else self.name


@dataclass(frozen=True, slots=True)
class Loop:
    """The part of a flow that a loop vertex runs once per item."""

    #: The output of the loop vertex that carries the item.
    output: str
    #: The vertex and output whose value is the result for the item.
    feedback: tuple[NodeId, str]
    body: Subgraph


@dataclass(frozen=True, slots=True)
class Vertex:
    """A node compiled for execution. Immutable, and shared by all runs of its flow."""

    id: NodeId
    component: type[Component]
    display_name: str
    values: Mapping[str, Any]
    variables: Mapping[str, Variable]
    field_types: Mapping[str, str]
    incoming: tuple[IncomingEdge, ...]
    list_fields: frozenset[str]
    outputs: tuple[str, ...]
    streaming_outputs: frozenset[str]
    #: Fields that require a value and can only get it from an edge.
    required_inputs: frozenset[str]
    successors: tuple[NodeId, ...]
    predecessors: frozenset[NodeId]
    #: Whether the vertex reuses its last result as long as its inputs are unchanged.
    frozen: bool
    #: The part of the flow that the vertex repeats, or None if it is not a loop.
    loop: Loop | None = None


def outputs_of(vertex: Vertex) -> set[tuple[NodeId, str]]:
    """Return the outputs of a vertex and, for a loop, of its body."""
    inner = vertex.loop.body.values() if vertex.loop is not None else ()
    return {(vertex.id, name) for name in vertex.outputs}.union(*(outputs_of(v) for v in inner))
