"""Find the nodes of a flow that have custom code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.compat.recognition import has_foreign_code
from headrace.graph.errors import FlowError
from headrace.graph.flow import Flow, Node, parse_flow

if TYPE_CHECKING:
    from headrace.component.registry import Registry


def find_custom_nodes(flow: Flow, registry: Registry) -> list[Node]:
    """Return the nodes of a flow whose code is neither the server's own nor published by Langflow."""
    return [node for node in flow.nodes if has_foreign_code(node.type, node.code, registry, edited=node.edited)]


def find_custom_nodes_in_data(data: object, registry: Registry) -> list[Node]:
    """Return the nodes with custom code in flow JSON; an empty list if the JSON is not a valid flow yet."""
    try:
        return find_custom_nodes(parse_flow(data), registry) if isinstance(data, dict) else []
    except FlowError:
        return []
