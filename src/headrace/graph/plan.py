"""A flow compiled for running: immutable, shared by all its runs, holding no run's values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from headrace.component.component import Component, output_types
from headrace.component.node_json import code_hash
from headrace.component.tools import TOOL_OUTPUT
from headrace.graph.errors import FlowError
from headrace.graph.flow import Edge
from headrace.graph.loops import Level, Loop, levels

if TYPE_CHECKING:
    from headrace.component.registry import Registry
    from headrace.graph.flow import Flow, Node, NodeId

#: The type that takes part in every connection.
ANY = {"Any", "object"}
#: Not a field of a template: what a component that listens was told.
HEARD = "heard"
#: What may lead back to a loop.
LOOP_TYPES = ("Data", "Message")


@dataclass(frozen=True, slots=True)
class Feed:
    """What fills one field of a vertex: another vertex's output."""

    field: str
    source: NodeId
    output: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the flow's owner that fills a field. A secret is never taken for its own value."""

    name: str
    is_secret: bool


@dataclass(frozen=True, slots=True)
class Vertex:
    """A node made ready to run."""

    id: NodeId
    component: type[Component]
    display_name: str
    values: Mapping[str, Any]
    variables: Mapping[str, Variable]
    field_types: Mapping[str, str]
    feeds: tuple[Feed, ...]
    list_fields: frozenset[str]
    outputs: tuple[str, ...]
    streamed: frozenset[str]
    #: Fields that must have a value and have no other than an edge's.
    needs: frozenset[str]
    successors: tuple[NodeId, ...]
    predecessors: frozenset[NodeId]
    #: Whether it gives its last result again while the same goes in.
    frozen: bool
    #: What it repeats, where it is a loop.
    loop: Loop | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All vertices of a flow, as it was drawn, and the level that a run begins with."""

    vertices: Mapping[NodeId, Vertex]
    level: Level

    def inputs(self, kind: str) -> list[Vertex]:
        """Return the vertices that take a run's input of this kind: chat, text or any."""
        return [v for v in self.vertices.values() if _fits(v.component.takes_input, kind)]

    def answers(self, kind: str) -> list[Vertex]:
        """Return the vertices that give a run's answer of this kind: chat, text, any or debug.

        Where none is of the kind, all that give an answer do.
        """
        if kind == "debug":
            return list(self.vertices.values())
        wanted = [v for v in self.vertices.values() if _fits(v.component.gives_output, kind)]
        return wanted or [v for v in self.vertices.values() if v.component.gives_output]


def part_of(plan: Plan, *, start: str | None, stop: str | None) -> Plan:
    """Return the part of a plan that leads up to `stop`, and that which follows `start` with what it needs; else all.

    Raises:
        FlowError: the flow has no such vertex.

    """
    for name in (start, stop):
        if name is not None and name not in plan.vertices:
            raise FlowError(f"The flow has no component with the id {name!r}.")
    kept = set(plan.vertices)
    if start is not None:
        kept &= _closure(plan, _closure(plan, {start}, onwards=True), onwards=False)
    if stop is not None:
        kept &= _closure(plan, {stop}, onwards=False)
    # A flow with a loop is built whole: half a body gives nothing.
    if len(kept) == len(plan.vertices) or any(v.loop for v in plan.level.values()):
        return plan
    # A model whose listener is left out is heard to its end before it gives anything.
    heard = {(feed.source, feed.output) for i in kept for feed in plan.vertices[i].feeds}
    part = {
        i: replace(
            v,
            successors=tuple(s for s in v.successors if s in kept),
            streamed=frozenset(o for o in v.streamed if (i, o) in heard),
        )
        for i, v in plan.vertices.items()
        if i in kept
    }
    return Plan(part, part)


def _closure(plan: Plan, begin: Collection[str], *, onwards: bool) -> set[NodeId]:
    found: set[NodeId] = set()
    left = [i for i in plan.vertices if i in begin]
    while left:
        current = left.pop()
        if current not in found:
            found.add(current)
            vertex = plan.vertices[current]
            left += vertex.successors if onwards else vertex.predecessors
    return found


def _fits(has: str | None, kind: str) -> bool:
    return has is not None and kind in {"any", has}


def compile_plan(flow: Flow, registry: Registry, own: Mapping[NodeId, type[Component]] | None = None) -> Plan:
    """Return the plan of `flow`.

    Args:
        flow: the drawing.
        registry: the server's components.
        own: the classes of nodes that carry code of their own, where that may be run.

    Raises:
        FlowError: an unknown or edited component, a port that isn't there, types that don't
            meet, or a cycle. Each names what it is about.

    """
    nodes = {node.id: node for node in flow.nodes}
    given = own or {}
    classes = {node.id: given.get(node.id) or _class_of(node, registry) for node in flow.nodes}
    incoming: dict[NodeId, list[Edge]] = {i: [] for i in nodes}
    outgoing: dict[NodeId, list[Edge]] = {i: [] for i in nodes}
    given_back: dict[NodeId, set[str]] = {i: set() for i in nodes}
    edges = [*flow.edges, *_heard(flow, classes)]
    for edge in edges:
        if edge.loops:
            _check_back(edge, nodes, classes)
            given_back[edge.source].add(edge.output)
            continue
        if edge.field != HEARD:
            _check_edge(edge, nodes, classes)
        incoming[edge.target].append(edge)
        outgoing[edge.source].append(edge)
    vertices = {i: _vertex(nodes[i], classes, incoming[i], outgoing[i], given_back[i]) for i in nodes}
    return Plan(vertices, levels(vertices, edges))


def _heard(flow: Flow, classes: Mapping[NodeId, type[Component]]) -> list[Edge]:
    """Return an edge from each node that tells something to each that listens for the same key."""
    told: dict[str, list[Node]] = {}
    for node in flow.nodes:
        if key := _key(node, classes[node.id].notifies):
            told.setdefault(key, []).append(node)
    return [
        Edge(teller.id, classes[teller.id].outputs[0].name, (), listener.id, HEARD, ())
        for listener in flow.nodes
        if (key := _key(listener, classes[listener.id].listens))
        for teller in told.get(key, [])
    ]


def _key(node: Node, name: str | None) -> str:
    field = node.fields.get(name) if name else None
    return str(field.value or "") if field is not None else ""


def carries_own_code(node: Node, registry: Registry) -> bool:
    """Return whether a node is none of the server's components, or one whose code was changed."""
    return registry.find(node.type) is None or node.edited or _is_tampered(node)


def _is_tampered(node: Node) -> bool:
    return node.code is not None and node.code_hash is not None and code_hash(node.code) != node.code_hash


def _class_of(node: Node, registry: Registry) -> type[Component]:
    component = registry.find(node.type)
    if component is None:
        raise FlowError(
            f"Component {node.display_name} ({node.id}) has the type {node.type!r}, which this server doesn't have. "
            "Its code comes with the flow and is not run."
        )
    if node.edited or _is_tampered(node):
        raise FlowError(
            f"Component {node.display_name} ({node.id}) carries code that was changed. Code that comes with a flow is not run. "
            f"Replace the node with the server's own {node.type!r}."
        )
    return component


def _check_edge(edge: Edge, nodes: Mapping[NodeId, Node], classes: Mapping[NodeId, type[Component]]) -> None:
    source, target = nodes[edge.source], nodes[edge.target]
    component = classes[edge.source]
    if component.output(edge.output) is None:
        raise FlowError(
            f"{source.display_name} ({source.id}) has no output {edge.output!r}, which an edge to {target.id} starts from."
        )
    declared = next((i for i in classes[edge.target].inputs if i.name == edge.field), None)
    field = target.fields.get(edge.field)
    if declared is None and field is None:
        raise FlowError(
            f"{target.display_name} ({target.id}) has no field {edge.field!r}, which an edge from {source.id} leads to."
        )
    gives = set(output_types(component, edge.output))
    takes = set(declared.input_types or ()) if declared is not None else set(field.input_types if field else ())
    if takes and not (gives & takes or (gives | takes) & ANY):
        raise FlowError(
            f"{source.display_name} ({source.id}) gives {' or '.join(sorted(gives))} from {edge.output!r}, but {edge.field!r} of "
            f"{target.display_name} ({target.id}) takes {' or '.join(sorted(takes))}. Connect ports of one type."
        )


def _check_back(edge: Edge, nodes: Mapping[NodeId, Node], classes: Mapping[NodeId, type[Component]]) -> None:
    source, target = nodes[edge.source], nodes[edge.target]
    output = classes[edge.target].output(edge.field)
    if output is None or not output.allows_loop:
        raise FlowError(
            f"{target.display_name} ({target.id}) has no output {edge.field!r} that a loop could lead back to."
        )
    if classes[edge.source].output(edge.output) is None:
        raise FlowError(
            f"{source.display_name} ({source.id}) has no output {edge.output!r}, which an edge to {target.id} starts from."
        )
    gives, takes = set(output_types(classes[edge.source], edge.output)), {*LOOP_TYPES, *ANY}
    if not gives & takes:
        raise FlowError(
            f"{source.display_name} ({source.id}) gives {' or '.join(sorted(gives))} from {edge.output!r}, but the loop "
            f"{target.display_name} ({target.id}) takes {' or '.join(LOOP_TYPES)}."
        )


def _vertex(
    node: Node,
    classes: Mapping[NodeId, type[Component]],
    incoming: list[Edge],
    outgoing: list[Edge],
    given_back: set[str],
) -> Vertex:
    component = classes[node.id]
    fed = {e.field for e in incoming}
    wanted = {e.output for e in outgoing} | given_back
    for field in component.inputs:
        # What a model is to give when it calls the tool is not there before.
        if not (TOOL_OUTPUT.name in wanted and getattr(field, "tool_mode", False)):
            _check_required(node, field.name, field.required, fed)
    declared = [o.name for o in component.outputs]
    used = [name for name in declared if name in wanted] + sorted(wanted - {*declared})
    return Vertex(
        id=node.id,
        component=component,
        display_name=node.display_name,
        values={n: f.value for n, f in node.fields.items() if not (f.load_from_db and f.value)},
        variables={
            n: Variable(str(f.value), f.password and f.show)
            for n, f in node.fields.items()
            if f.load_from_db and f.value
        },
        field_types={n: f.type for n, f in node.fields.items()},
        feeds=tuple(Feed(e.field, e.source, e.output) for e in incoming),
        list_fields=frozenset([HEARD, *(i.name for i in component.inputs if getattr(i, "is_list", False))]),
        outputs=tuple(used or declared[:1]),
        streamed=frozenset(
            o for o in used if [classes[e.target].takes_stream for e in outgoing if e.output == o] == [True]
        ),
        needs=frozenset(f for f in fed if _is_required(node, component, f)),
        successors=tuple(dict.fromkeys(e.target for e in outgoing)),
        frozen=node.frozen,
        predecessors=frozenset(e.source for e in incoming),
    )


def _is_required(node: Node, component: type[Component], name: str) -> bool:
    field = node.fields.get(name)
    return field.required if field is not None else any(i.name == name and i.required for i in component.inputs)


def _check_required(node: Node, name: str, required: bool, fed: set[str]) -> None:
    field = node.fields.get(name)
    must = field.required if field is not None else required
    shown = field.show if field is not None else True
    if must and shown and name not in fed and (field is None or field.value in (None, "", [])):
        raise FlowError(f"{node.display_name} ({node.id}) needs a value for {name!r}. Type one in or connect it.")
