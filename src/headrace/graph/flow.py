"""The flow file, parsed once into values that cannot be wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NewType

from headrace.graph.errors import FlowError

NodeId = NewType("NodeId", str)

MAX_NODES = 10_000
MAX_EDGES = 50_000

#: In a handle that stands as text, this letter takes the place of the quotation mark.
_QUOTE = "œ"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a node's template: its value and what may feed it."""

    value: Any
    required: bool
    show: bool
    load_from_db: bool
    password: bool
    input_types: tuple[str, ...]
    type: str


@dataclass(frozen=True, slots=True)
class Node:
    """A component as it stands in a flow."""

    id: NodeId
    type: str
    display_name: str
    fields: Mapping[str, Field]
    code: str | None
    code_hash: str | None
    edited: bool
    frozen: bool


@dataclass(frozen=True, slots=True)
class Edge:
    """One output of a node feeding one field of another."""

    source: NodeId
    output: str
    output_types: tuple[str, ...]
    target: NodeId
    field: str
    input_types: tuple[str, ...]
    #: Whether the edge leads back to a loop: then `field` names the output that gives its items.
    loops: bool = False


@dataclass(frozen=True, slots=True)
class Flow:
    """A drawing: nodes in their order, and the edges between them."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def parse_flow(data: object) -> Flow:
    """Return the flow in the `data` of a flow file.

    Source: the flow files that Langflow 1.0 to 1.7 exports.

    Raises:
        FlowError: the first thing that is wrong, with the node or edge it is in.

    """
    body = _object(data, "The flow's data")
    raw_nodes = _array(body.get("nodes"), "The flow's nodes")
    raw_edges = _array(body.get("edges"), "The flow's edges")
    if len(raw_nodes) > MAX_NODES or len(raw_edges) > MAX_EDGES:
        raise FlowError(f"The flow has more than {MAX_NODES} nodes or {MAX_EDGES} edges. Split it into several flows.")
    nodes = tuple(node for i, raw in enumerate(raw_nodes) if (node := _node(raw, i)) is not None)
    ids = [node.id for node in nodes]
    if len(set(ids)) != len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        raise FlowError(f"Two nodes have the id {twice!r}. Give each node an id of its own.")
    known = set(ids)
    return Flow(nodes, tuple(_edge(raw, i, known) for i, raw in enumerate(raw_edges)))


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FlowError(f"{what} must be a JSON object.")
    return value


def _array(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise FlowError(f"{what} must be a JSON array.")
    return value


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise FlowError(f"{what} must be a text that isn't empty.")
    return value


def _strings(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _node(raw: object, position: int) -> Node | None:
    node = _object(raw, f"Node {position}")
    node_id = NodeId(_text(node.get("id"), f"The id of node {position}"))
    if node.get("type") in {"noteNode", "note"}:
        return None
    data = _object(node.get("data"), f"The data of node {node_id}")
    type_name = _text(data.get("type"), f"The type of node {node_id}")
    if type_name == "note":
        return None
    body = _object(data.get("node"), f"The component of node {node_id}")
    if body.get("flow"):
        raise FlowError(f"Node {node_id} is a group. Ungroup it in the editor, then save the flow again.")
    template = _object(body.get("template"), f"The template of node {node_id}")
    metadata = body.get("metadata") if isinstance(body.get("metadata"), dict) else {}
    code = template.get("code")
    return Node(
        id=node_id,
        type=type_name,
        display_name=str(body.get("display_name") or type_name),
        fields={
            name: _field(raw_field)
            for name, raw_field in template.items()
            if isinstance(raw_field, dict) and name != "code"
        },
        code=code.get("value") if isinstance(code, dict) and isinstance(code.get("value"), str) else None,
        code_hash=metadata.get("code_hash")
        if isinstance(metadata, dict) and isinstance(metadata.get("code_hash"), str)
        else None,
        edited=body.get("edited") is True,
        frozen=body.get("frozen") is True,
    )


def _field(raw: dict[str, Any]) -> Field:
    return Field(
        value=raw.get("value"),
        required=raw.get("required") is True,
        show=raw.get("show") is not False,
        load_from_db=raw.get("load_from_db") is True,
        password=raw.get("password") is True,
        input_types=_strings(raw.get("input_types")),
        type=str(raw.get("type") or ""),
    )


def _edge(raw: object, position: int, known: set[NodeId]) -> Edge:
    edge = _object(raw, f"Edge {position}")
    source = NodeId(_text(edge.get("source"), f"The source of edge {position}"))
    target = NodeId(_text(edge.get("target"), f"The target of edge {position}"))
    for end in (source, target):
        if end not in known:
            raise FlowError(
                f"The edge from {source} to {target} leads to {end}, which isn't in the flow. Delete the edge or add the node."
            )
    out = _handle(edge, "sourceHandle", f"{source} to {target}")
    into = _handle(edge, "targetHandle", f"{source} to {target}")
    loops = "fieldName" not in into and "name" in into
    return Edge(
        source=source,
        output=_text(out.get("name"), f"The output name of the edge from {source} to {target}"),
        output_types=_strings(out.get("output_types")),
        target=target,
        field=_text(
            into.get("name" if loops else "fieldName"), f"The field name of the edge from {source} to {target}"
        ),
        input_types=_strings(into.get("inputTypes")),
        loops=loops,
    )


def _handle(edge: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    data = edge.get("data")
    handle = (data.get(key) if isinstance(data, dict) else None) or edge.get(key)
    if isinstance(handle, str):
        try:
            handle = json.loads(handle.replace(_QUOTE, '"'))
        except json.JSONDecodeError as error:
            raise FlowError(f"The {key} of the edge from {where} is not readable. Draw the edge again.") from error
    return _object(handle, f"The {key} of the edge from {where}")
