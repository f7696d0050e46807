"""Compile a flow into a plan: choose component classes, check edges and required fields, connect vertices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from headrace.compat.published_code import published_type
from headrace.compat.recognition import has_foreign_code, own_component, own_type
from headrace.component.component import output_types
from headrace.component.notifications import NOTIFICATIONS_FIELD
from headrace.component.tools import TOOL_OUTPUT
from headrace.graph.errors import FlowError
from headrace.graph.flow import Edge
from headrace.graph.loops import nest_loops
from headrace.graph.plan import Plan
from headrace.graph.port_types import ANY_TYPES, are_compatible
from headrace.graph.present_names import use_present_names
from headrace.graph.vertex import IncomingEdge, Variable, Vertex

if TYPE_CHECKING:
    from headrace.component.component import Component
    from headrace.component.registry import Registry
    from headrace.graph.flow import Field, Flow, Node, NodeId

    Classes = Mapping[NodeId, type[Component]]

#: Types that an edge back to a loop may carry.
LOOP_TYPES = ("Data", "Message")


def compile_plan(
    flow: Flow, registry: Registry, custom_classes: Mapping[NodeId, type[Component]] | None = None
) -> Plan:
    """Return the plan of a flow.

    Args:
        flow: the parsed flow.
        registry: the server's components.
        custom_classes: the classes of the nodes whose own code is approved.

    Raises:
        FlowError: a component is unknown or its code is not approved, an edge uses a missing port or connects
            incompatible types, a required field is empty, or the flow has a cycle. Names the node or edge.

    """
    custom_classes = custom_classes or {}
    classes = {node.id: custom_classes.get(node.id) or _component_class(node, registry) for node in flow.nodes}
    flow = use_present_names(flow, classes)
    nodes = {node.id: node for node in flow.nodes}
    incoming: dict[NodeId, list[Edge]] = {i: [] for i in nodes}
    outgoing: dict[NodeId, list[Edge]] = {i: [] for i in nodes}
    loop_back_outputs: dict[NodeId, set[str]] = {i: set() for i in nodes}
    edges = [*flow.edges, *_notification_edges(flow, classes)]
    for edge in edges:
        if edge.is_loop_back:
            _check_loop_edge(edge, nodes, classes)
            loop_back_outputs[edge.source].add(edge.output)
            continue
        if edge.field != NOTIFICATIONS_FIELD:
            _check_edge(edge, nodes, classes)
        incoming[edge.target].append(edge)
        outgoing[edge.source].append(edge)
    vertices = {i: _compile_vertex(nodes[i], classes, incoming[i], outgoing[i], loop_back_outputs[i]) for i in nodes}
    return Plan(vertices, nest_loops(vertices, edges))


def _notification_edges(flow: Flow, classes: Classes) -> list[Edge]:
    """Return an edge from each Notify node to each Listen node with the same context key."""
    notifiers: dict[str, list[Node]] = {}
    for node in flow.nodes:
        if key := _field_text(node, classes[node.id].notifies):
            notifiers.setdefault(key, []).append(node)
    return [
        Edge(notifier.id, classes[notifier.id].outputs[0].name, (), listener.id, NOTIFICATIONS_FIELD, ())
        for listener in flow.nodes
        if (key := _field_text(listener, classes[listener.id].listens))
        for notifier in notifiers.get(key, [])
    ]


def _field_text(node: Node, name: str | None) -> str:
    field = node.fields.get(name) if name else None
    return str(field.value or "") if field is not None else ""


def _component_class(node: Node, registry: Registry) -> type[Component]:
    component = own_component(node.type, node.code, registry, edited=node.edited)
    if component is not None:
        return component
    if has_foreign_code(node.type, node.code, registry, edited=node.edited) and published_type(node.code or "") is None:
        raise FlowError(
            f"Component {node.display_name} ({node.id}) carries code that is not the server's own {node.type!r}. Code that "
            "comes with a flow runs only on a server where it is approved. Replace the node with the server's component."
        )
    type_name = own_type(node.type, node.code) or node.type
    raise FlowError(
        f"Component {node.display_name} ({node.id}) has the type {type_name!r}, which this server lacks. "
        "Replace the node with a component that the server has."
    )


def _check_edge(edge: Edge, nodes: Mapping[NodeId, Node], classes: Classes) -> None:
    source, target = nodes[edge.source], nodes[edge.target]
    types = _checked_output_types(edge, source, target, classes)
    declared = next((i for i in classes[edge.target].inputs if i.name == edge.field), None)
    field = target.fields.get(edge.field)
    if declared is None and field is None:
        raise FlowError(
            f"{_label(target)} has no field {edge.field!r}, but an edge from {source.id} leads to it. Delete the edge."
        )
    accepted = set(declared.input_types or ()) if declared is not None else set(field.input_types if field else ())
    if not are_compatible(types, accepted):
        raise FlowError(
            f"The output {edge.output!r} of {_label(source)} has the type {_alternatives(types)}, but {edge.field!r} of "
            f"{_label(target)} accepts {_alternatives(accepted)}. Connect ports of the same type."
        )


def _check_loop_edge(edge: Edge, nodes: Mapping[NodeId, Node], classes: Classes) -> None:
    source, target = nodes[edge.source], nodes[edge.target]
    output = classes[edge.target].output(edge.field)
    if output is None or not output.allows_loop:
        raise FlowError(
            f"{_label(target)} has no output {edge.field!r} that accepts an edge back to a loop. Delete the edge from "
            f"{source.id}."
        )
    types = _checked_output_types(edge, source, target, classes)
    if not types & {*LOOP_TYPES, *ANY_TYPES}:
        raise FlowError(
            f"The output {edge.output!r} of {_label(source)} has the type {_alternatives(types)}, but the loop "
            f"{_label(target)} accepts {' or '.join(LOOP_TYPES)}. Connect ports of the same type."
        )


def _checked_output_types(edge: Edge, source: Node, target: Node, classes: Classes) -> set[str]:
    """Return the types of the output that an edge starts from.

    Raises:
        FlowError: the source has no such output.

    """
    component = classes[edge.source]
    if component.output(edge.output) is None:
        raise FlowError(
            f"{_label(source)} has no output {edge.output!r}, but an edge to {target.id} starts from it. Delete the edge."
        )
    return set(output_types(component, edge.output))


def _label(node: Node) -> str:
    return f"{node.display_name} ({node.id})"


def _alternatives(types: set[str]) -> str:
    return " or ".join(sorted(types))


def _compile_vertex(
    node: Node, classes: Classes, incoming: list[Edge], outgoing: list[Edge], loop_back_outputs: set[str]
) -> Vertex:
    component = classes[node.id]
    connected_fields = {edge.field for edge in incoming}
    connected_outputs = {edge.output for edge in outgoing} | loop_back_outputs
    for declared in component.inputs:
        # The model passes the value of a tool argument when it calls the tool.
        if not (TOOL_OUTPUT.name in connected_outputs and getattr(declared, "tool_mode", False)):
            _check_required(node, declared.name, declared.required, connected_fields)
    declared_outputs = [output.name for output in component.outputs]
    used = [name for name in declared_outputs if name in connected_outputs]
    used += sorted(connected_outputs - {*declared_outputs})
    return Vertex(
        id=node.id,
        component=component,
        display_name=node.display_name,
        values={name: field.value for name, field in node.fields.items() if not _names_variable(field)},
        variables={
            name: Variable(str(field.value), _is_secret(component, name, field), field.password and field.show)
            for name, field in node.fields.items()
            if _names_variable(field)
        },
        field_types={name: field.type for name, field in node.fields.items()},
        incoming=tuple(IncomingEdge(edge.field, edge.source, edge.output) for edge in incoming),
        list_fields=frozenset(
            [NOTIFICATIONS_FIELD, *(i.name for i in component.inputs if getattr(i, "is_list", False))]
        ),
        outputs=tuple(used or declared_outputs[:1]),
        streaming_outputs=frozenset(name for name in used if _is_streamable(name, outgoing, classes)),
        required_inputs=frozenset(name for name in connected_fields if _is_required(node, component, name)),
        successors=tuple(dict.fromkeys(edge.target for edge in outgoing)),
        frozen=node.frozen,
        predecessors=frozenset(edge.source for edge in incoming),
    )


def _is_secret(component: type[Component], name: str, field: Field) -> bool:
    """Return whether a field is secret: as the component declares it, whatever the flow says."""
    declared = next((i for i in component.inputs if i.name == name), None)
    return field.password if declared is None else getattr(declared, "password", None) is True


def _names_variable(field: Field) -> bool:
    return field.load_from_db and bool(field.value)


def _is_streamable(output_name: str, outgoing: list[Edge], classes: Classes) -> bool:
    """Return whether an output has exactly one consumer, and that consumer reads streams."""
    consumers = [classes[edge.target] for edge in outgoing if edge.output == output_name]
    return len(consumers) == 1 and consumers[0].accepts_stream


def _is_required(node: Node, component: type[Component], name: str) -> bool:
    field = node.fields.get(name)
    return field.required if field is not None else any(i.name == name and i.required for i in component.inputs)


def _check_required(node: Node, name: str, required: bool, connected_fields: set[str]) -> None:
    field = node.fields.get(name)
    is_required = field.required if field is not None else required
    is_shown = field.show if field is not None else True
    is_empty = field is None or field.value in (None, "", [])
    if is_required and is_shown and is_empty and name not in connected_fields:
        raise FlowError(f"{_label(node)} needs a value for {name!r}. Type one in or connect it.")
