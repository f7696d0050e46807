"""The values of a vertex's fields when it starts: constants, overrides, variables, and the outputs that feed them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headrace.component.environment_secret import value_for_code

if TYPE_CHECKING:
    from headrace.component.component import Component
    from headrace.component.context import RunContext
    from headrace.graph.flow import NodeId
    from headrace.graph.result import VertexResult
    from headrace.graph.vertex import IncomingEdge, Variable, Vertex

#: Values that override those of a plan, by vertex id and field.
Overlay = Mapping[str, Mapping[str, Any]]


async def field_values(
    vertex: Vertex,
    feeds: tuple[IncomingEdge, ...],
    results: Mapping[NodeId, VertexResult],
    context: RunContext,
    overlay: Overlay,
) -> dict[str, Any]:
    """Return the values of a vertex's fields by name.

    Args:
        vertex: the vertex.
        feeds: its incoming edges that are open.
        results: the results of the vertices that have run.
        context: reads variables.
        overlay: values that override the plan's.

    """
    overrides = overlay.get(vertex.id, {})
    values = {**vertex.values, **overrides}
    for name, variable in vertex.variables.items():
        if name not in overrides:
            values[name] = await _variable_value(vertex.component, variable, context)
    fed: set[str] = set()
    for feed in feeds:
        value = results[feed.source].outputs[feed.output]
        if feed.field in vertex.list_fields:
            values[feed.field] = [*values[feed.field], value] if feed.field in fed else [value]
        else:
            values[feed.field] = value
        fed.add(feed.field)
    return values


async def _variable_value(component: type[Component], variable: Variable, context: RunContext) -> str:
    if not variable.is_secret:
        return await context.get_variable(variable.name, variable.default)
    value = await context.get_secret(variable.name, variable.default)
    return value if component.source is None else value_for_code(value, component)
