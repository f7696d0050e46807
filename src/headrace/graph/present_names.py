"""Rename the fields and outputs in flows of other Langflow versions to those of the present components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headrace.compat.other_versions import (
    OutputMapping,
    changed_form,
    field_mapping,
    mcp_server,
    output_mapping,
    present_value,
    single_braces,
)
from headrace.component.component import output_types
from headrace.graph.errors import FlowError
from headrace.graph.flow import Edge, Field, Flow, Node, NodeId
from headrace.graph.port_types import are_compatible

if TYPE_CHECKING:
    from headrace.component.component import Component
    from headrace.component.inputs import Input

    Classes = Mapping[NodeId, type[Component]]


def use_present_names(flow: Flow, classes: Classes) -> Flow:
    """Return the flow with the fields, outputs and value forms of the present components.

    Nodes that run custom code keep the names of that code.

    Args:
        flow: the parsed flow file.
        classes: the component class of each node.

    Raises:
        FlowError: an edge uses an output or field that no longer exists. Names the node, the port and the replacement.

    """
    nodes = {node.id: node for node in flow.nodes}
    return Flow(
        tuple(_present_node(node, classes[node.id]) for node in flow.nodes),
        tuple(renamed for edge in flow.edges for renamed in _present_edges(edge, nodes, classes)),
    )


def _present_node(node: Node, component: type[Component]) -> Node:
    if component.source is not None:
        return node
    inputs = {field.name: field for field in component.inputs}
    renamed = [
        (name, _present_fields(name, field, component.type_name(), inputs)) for name, field in node.fields.items()
    ]
    fields = {name: targets[name] for name, targets in renamed if name in targets}
    # A value under the present name takes precedence over a converted value.
    for _, targets in renamed:
        fields |= {name: field for name, field in targets.items() if not _has_value(fields.get(name))}
    _convert_dependent_values(component.type_name(), node, fields)
    return replace(node, fields=fields)


def _present_fields(name: str, field: Field, type_name: str, inputs: Mapping[str, Input]) -> dict[str, Field]:
    declared = inputs.get(name)
    if declared is not None:
        convert = changed_form(type_name, name)
        if convert is None or field.load_from_db:
            return {name: _in_present_form(field, declared)}
        return {target: _with_value(field, value, inputs.get(target)) for target, value in convert(field.value).items()}
    mapping = field_mapping(type_name, name)
    if mapping is None:
        return {name: field}
    if field.load_from_db:
        # The value is a variable name, which stays the same.
        return dict.fromkeys(mapping.targets, field)
    return {
        target: _with_value(field, value, inputs.get(target)) for target, value in mapping.values(field.value).items()
    }


def _with_value(field: Field, value: Any, declared: Input | None) -> Field:
    converted = replace(field, value=value)
    return converted if declared is None else _in_present_form(replace(converted, type=declared.field_type), declared)


def _in_present_form(field: Field, declared: Input) -> Field:
    if field.load_from_db:
        return field
    value = present_value(field.value, declared.field_type, is_list=bool(getattr(declared, "is_list", False)))
    return field if value is field.value else replace(field, value=value)


def _has_value(field: Field | None) -> bool:
    return field is not None and field.value not in (None, "", [], {})


def _convert_dependent_values(type_name: str, node: Node, fields: dict[str, Field]) -> None:
    """Convert, in place, the values that depend on more than one field of a node."""
    if type_name == "MCPTools" and (server := mcp_server({n: f.value for n, f in node.fields.items()})):
        template = node.fields.get("mcp_server") or next(iter(node.fields.values()))
        fields["mcp_server"] = replace(
            template, value=server["mcp_server"], type="mcp", load_from_db=False, password=False
        )
    if type_name == "Prompt Template" and (flag := node.fields.get("use_double_brackets")) and flag.value is True:
        template = fields.get("template") or flag
        if isinstance(template.value, str):
            fields["template"] = replace(template, value=single_braces(template.value))


def _present_edges(edge: Edge, nodes: Mapping[NodeId, Node], classes: Classes) -> list[Edge]:
    if edge.is_loop_back:
        return [edge]
    targets = _target_fields(edge, nodes[edge.target], classes[edge.target])
    return [_from_present_output(replace(edge, field=field), nodes, classes) for field in targets]


def _target_fields(edge: Edge, node: Node, component: type[Component]) -> tuple[str, ...]:
    if component.source is not None or any(field.name == edge.field for field in component.inputs):
        return (edge.field,)
    mapping = field_mapping(component.type_name(), edge.field)
    if mapping is None:
        return (edge.field,)
    if mapping.replacement is not None:
        raise FlowError(
            f"{node.display_name} ({node.id}) no longer has the field {edge.field!r}, but an edge from {edge.source} "
            f"leads to it. Use {mapping.replacement}."
        )
    return mapping.targets


def _from_present_output(edge: Edge, nodes: Mapping[NodeId, Node], classes: Classes) -> Edge:
    component = classes[edge.source]
    if component.source is not None or component.output(edge.output) is not None:
        return edge
    mapping = output_mapping(component.type_name(), edge.output)
    if mapping is None:
        return edge
    accepted = _accepted_types(edge, nodes[edge.target], classes[edge.target])
    for name in mapping.targets:
        if component.output(name) is not None and are_compatible(set(output_types(component, name)), accepted):
            return replace(edge, output=name)
    raise FlowError(
        f"{nodes[edge.source].display_name} ({edge.source}) no longer has the output {edge.output!r}, but an edge to "
        f"{edge.field!r} of {nodes[edge.target].display_name} ({edge.target}) starts from it. {_remedy(mapping)}"
    )


def _accepted_types(edge: Edge, node: Node, component: type[Component]) -> set[str]:
    declared = next((field for field in component.inputs if field.name == edge.field), None)
    if declared is not None:
        return set(declared.input_types or ())
    field = node.fields.get(edge.field)
    return set(field.input_types) if field is not None else set()


def _remedy(mapping: OutputMapping) -> str:
    if mapping.replacement is not None:
        return f"Use {mapping.replacement}."
    names = " or ".join(repr(name) for name in mapping.targets)
    return f"Use the output {names} instead, with a Type Convert component in between if the types differ."
