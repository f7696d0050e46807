"""Parse a flow file into nodes and edges that are known to be valid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NewType

import orjson

from headrace.graph.errors import FlowError

NodeId = NewType("NodeId", str)

MAX_NODES = 10_000
MAX_EDGES = 50_000
#: Types of nodes that only hold a comment. A tuple: the type in a file may be a list, which has no hash.
NOTE_TYPES = ("noteNode", "note")

#: Replaces the quotation mark in handles that are stored as strings.
_QUOTE = "œ"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a node's template, with its value."""

    value: Any
    required: bool
    show: bool
    load_from_db: bool
    password: bool
    input_types: tuple[str, ...]
    type: str


@dataclass(frozen=True, slots=True)
class Node:
    """A component of a flow, with its field values."""

    id: NodeId
    type: str
    display_name: str
    fields: Mapping[str, Field]
    code: str | None
    #: Whether the author edited the code, according to the flow file.
    edited: bool
    frozen: bool


@dataclass(frozen=True, slots=True)
class Edge:
    """A connection from an output of one node to a field of another."""

    source: NodeId
    output: str
    output_types: tuple[str, ...]
    target: NodeId
    field: str
    input_types: tuple[str, ...]
    #: Whether the edge leads back to a loop. In that case `field` is the name of the loop's item output.
    is_loop_back: bool = False


@dataclass(frozen=True, slots=True)
class Flow:
    """The nodes of a flow in file order, and the edges between them."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def parse_flow(data: object) -> Flow:
    """Return the flow in the `data` of a flow file.

    Source: the flow files that Langflow 1.0 to 1.7 exports.

    Args:
        data: the parsed JSON value of `data`. Note nodes are skipped.

    Raises:
        FlowError: the data is not valid. Names the first node or edge that is wrong.

    """
    body = _require_object(data, "The flow's data")
    raw_nodes = _require_array(body.get("nodes"), "The flow's nodes")
    raw_edges = _require_array(body.get("edges"), "The flow's edges")
    if len(raw_nodes) > MAX_NODES or len(raw_edges) > MAX_EDGES:
        raise FlowError(f"The flow has more than {MAX_NODES} nodes or {MAX_EDGES} edges. Split it into several flows.")
    nodes = tuple(node for i, raw in enumerate(raw_nodes) if (node := _parse_node(raw, i)) is not None)
    ids = [node.id for node in nodes]
    if len(set(ids)) != len(ids):
        duplicate = next(i for i, count in Counter(ids).items() if count > 1)
        raise FlowError(f"Two nodes have the id {duplicate!r}. Give each node a unique id.")
    node_ids = set(ids)
    return Flow(nodes, tuple(_parse_edge(raw, i, node_ids) for i, raw in enumerate(raw_edges)))


def _require_object(value: object, label: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FlowError(f"{label} must be a JSON object.")
    return value


def _require_array(value: object, label: str) -> list[Any]:
    if not isinstance(value, list):
        raise FlowError(f"{label} must be a JSON array.")
    return value


def _require_text(value: object, label: str) -> str:
    if not isinstance(value, str) or not value:
        raise FlowError(f"{label} must be a non-empty string.")
    return value


def _strings(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _parse_node(raw: object, position: int) -> Node | None:
    node = _require_object(raw, f"Node {position}")
    node_id = NodeId(_require_text(node.get("id"), f"The id of node {position}"))
    if node.get("type") in NOTE_TYPES:
        return None
    data = _require_object(node.get("data"), f"The data of node {node_id}")
    type_name = _require_text(data.get("type"), f"The type of node {node_id}")
    if type_name == "note":
        return None
    body = _require_object(data.get("node"), f"The component of node {node_id}")
    if body.get("flow"):
        raise FlowError(f"Node {node_id} is a group. Ungroup it in the editor, then save the flow again.")
    template = _require_object(body.get("template"), f"The template of node {node_id}")
    code = template.get("code")
    return Node(
        id=node_id,
        type=type_name,
        display_name=str(body.get("display_name") or type_name),
        fields={
            name: _parse_field(raw_field)
            for name, raw_field in template.items()
            if isinstance(raw_field, dict) and name != "code"
        },
        code=code.get("value") if isinstance(code, dict) and isinstance(code.get("value"), str) else None,
        edited=body.get("edited") is True,
        frozen=body.get("frozen") is True,
    )


def _parse_field(raw: dict[str, Any]) -> Field:
    return Field(
        value=raw.get("value"),
        required=raw.get("required") is True,
        show=raw.get("show") is not False,
        load_from_db=raw.get("load_from_db") is True,
        password=raw.get("password") is True,
        input_types=_strings(raw.get("input_types")),
        type=str(raw.get("type") or ""),
    )


def _parse_edge(raw: object, position: int, node_ids: set[NodeId]) -> Edge:
    edge = _require_object(raw, f"Edge {position}")
    source = NodeId(_require_text(edge.get("source"), f"The source of edge {position}"))
    target = NodeId(_require_text(edge.get("target"), f"The target of edge {position}"))
    for end in (source, target):
        if end not in node_ids:
            raise FlowError(
                f"The edge from {source} to {target} refers to the node {end}, which the flow lacks. Delete the edge or add "
                "the node."
            )
    source_handle = _parse_handle(edge, "sourceHandle", f"{source} to {target}")
    target_handle = _parse_handle(edge, "targetHandle", f"{source} to {target}")
    is_loop_back = "fieldName" not in target_handle and "name" in target_handle
    return Edge(
        source=source,
        output=_require_text(source_handle.get("name"), f"The output name of the edge from {source} to {target}"),
        output_types=_strings(source_handle.get("output_types")),
        target=target,
        field=_require_text(
            target_handle.get("name" if is_loop_back else "fieldName"),
            f"The field name of the edge from {source} to {target}",
        ),
        input_types=_strings(target_handle.get("inputTypes")),
        is_loop_back=is_loop_back,
    )


def _parse_handle(edge: dict[str, Any], key: str, ends: str) -> dict[str, Any]:
    data = edge.get("data")
    handle = (data.get(key) if isinstance(data, dict) else None) or edge.get(key)
    if isinstance(handle, str):
        try:
            handle = orjson.loads(handle.replace(_QUOTE, '"'))
        except orjson.JSONDecodeError as error:
            raise FlowError(
                f"The {key} of the edge from {ends} is not valid JSON. Delete the edge and connect the ports again."
            ) from error
    return _require_object(handle, f"The {key} of the edge from {ends}")
