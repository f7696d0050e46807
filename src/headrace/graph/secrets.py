"""Takes secrets out of a drawing before others see it."""

from __future__ import annotations

from typing import Any


def without_secrets(drawing: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a flow's data with its password fields emptied, in grouped nodes too.

    A field that names a variable keeps the name: it is no secret, and without it the flow would not run again.
    """
    if not isinstance(drawing, dict) or not isinstance(drawing.get("nodes"), list):
        return drawing
    return {**drawing, "nodes": [_node(node) for node in drawing["nodes"]]}


def _node(node: Any) -> Any:
    data = node.get("data") if isinstance(node, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("node"), dict):
        return node
    body = data["node"]
    cleaned = dict(body)
    if isinstance(body.get("template"), dict):
        cleaned["template"] = {name: _field(field) for name, field in body["template"].items()}
    group = body.get("flow")
    if isinstance(group, dict):
        cleaned["flow"] = {**group, "data": without_secrets(group.get("data"))}
    return {**node, "data": {**data, "node": cleaned}}


def _field(field: Any) -> Any:
    if isinstance(field, dict) and field.get("password") is True and field.get("load_from_db") is not True:
        return {**field, "value": ""}
    return field
