"""Remove secrets from a flow's data before it is shared.

A secret is recognised by what a field can hold: not only password fields, but also headers, environments, arguments, URLs, curl
commands and settings of MCP servers, in fields, tables, dictionaries and JSON, and keys of known formats anywhere. Redacted values
are empty and keep their shape, so the flow opens, and runs once the values are filled in again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.graph.flow import NOTE_TYPES
from headrace.graph.secret_text import remove_keys, remove_secrets
from headrace.graph.secret_values import empty, scrub, scrub_named, scrub_server
from headrace.net.secret_names import is_secret_name

#: Components whose values a visitor of a public flow sees. A tuple, because the type of a node in a file can be any JSON value.
_VISIBLE_TYPES = ("ChatInput", "ChatOutput")

RedactField = Callable[[str, Any], Any]


def redact_secrets(data: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a flow's data without secrets, including those of grouped nodes.

    A field that refers to a variable keeps the variable's name, which is not secret and which the flow needs to run.

    Args:
        data: the `data` of a flow file. Data without a list of nodes is returned unchanged.

    """
    return _map_nodes(data, _redact_node)


def exported_view(data: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a flow's data as a flow file contains it: without secrets, and with null for a password that was removed."""
    return _map_nodes(data, _export_node)


def public_view(data: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what a visitor needs of a public flow's data: its components and edges, without the values of their fields.

    The chat's own components keep their values, without secrets.
    """
    return _map_nodes(data, _hide_node)


def redact_text(text: str | None) -> str | None:
    """Return a text, such as the description of a flow, without secrets."""
    return remove_secrets(text) if text else text


def _map_nodes(
    data: dict[str, Any] | None, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any] | None:
    """Return a flow's data with every node's `data` changed."""
    if not isinstance(data, dict) or not isinstance(data.get("nodes"), list):
        return data
    nodes = [
        {**node, "data": change(node["data"])}
        if isinstance(node, dict) and isinstance(node.get("data"), dict)
        else node
        for node in data["nodes"]
    ]
    return {**data, "nodes": nodes}


def _redact_node(data: dict[str, Any]) -> dict[str, Any]:
    return _with_body(data, _redact_field, redact_secrets)


def _export_node(data: dict[str, Any]) -> dict[str, Any]:
    return _with_body(data, _export_field, exported_view)


def _export_field(name: str, field: Any) -> Any:
    redacted = _redact_field(name, field)
    if not isinstance(field, dict) or field.get("password") is not True or redacted.get("value") == field.get("value"):
        return redacted
    return {**redacted, "value": None}


def _hide_node(data: dict[str, Any]) -> dict[str, Any]:
    kind = data.get("type")
    hidden = _with_body(data, _redact_field if kind in _VISIBLE_TYPES else _hide_field, public_view)
    body = hidden.get("node")
    if not isinstance(body, dict):
        return hidden
    template = body.get("template")
    if isinstance(template, dict) and isinstance(template.get("code"), dict):
        body = {**body, "template": {**template, "code": _hide_field("code", template["code"])}}
    if kind in (None, *NOTE_TYPES) and isinstance(body.get("description"), str):
        body = {**body, "description": ""}
    return {**hidden, "node": body}


def _with_body(
    data: dict[str, Any],
    change_field: RedactField,
    change_flow: Callable[[dict[str, Any] | None], dict[str, Any] | None],
) -> dict[str, Any]:
    """Return a node's data with its fields and the flow of a group changed, and without secrets in the rest."""
    changed = {
        name: value if name in {"id", "type"} else scrub(value) for name, value in data.items() if name != "node"
    }
    body = data.get("node")
    if not isinstance(body, dict):
        return changed if "node" not in data else {**changed, "node": body}
    node = {name: value if name in {"template", "flow"} else scrub(value) for name, value in body.items()}
    if isinstance(body.get("template"), dict):
        node["template"] = {name: change_field(name, field) for name, field in body["template"].items()}
    group = body.get("flow")
    if isinstance(group, dict):
        node["flow"] = {**group, "data": change_flow(group.get("data"))}
    return {name: node if name == "node" else changed[name] for name in data}


def _redact_field(name: str, field: Any) -> Any:
    if not isinstance(field, dict):
        return scrub(field)
    attributes = {key: value if key == "value" else _redact_attribute(value) for key, value in field.items()}
    if "value" in field:
        attributes["value"] = _redact_value(name, field)
    return attributes


def _redact_attribute(value: Any) -> Any:
    """Return an attribute of a field, such as its options, without keys. Names in it are those of the form, not of secrets."""
    return value if isinstance(value, bool | int | float) or value is None else scrub(value)


def _redact_value(name: str, field: dict[str, Any]) -> Any:
    value = field["value"]
    if field.get("load_from_db") is True and isinstance(value, str):
        return remove_secrets(value)
    if field.get("password") is True:
        return empty(value)
    if field.get("type") == "code" or name == "code":
        return remove_keys(value) if isinstance(value, str) else value
    if field.get("type") == "mcp":
        return scrub_server(value)
    if isinstance(value, str) and field.get("type") in ("prompt", "mustache"):
        return remove_secrets(value)
    options = field.get("options")
    if is_secret_name(name) and isinstance(value, str) and isinstance(options, list) and value in options:
        return value
    return scrub_named(name, value)


def _hide_field(_name: str, field: Any) -> Any:
    if not isinstance(field, dict):
        return scrub(field)
    return {key: empty(value) if key == "value" else _redact_attribute(value) for key, value in field.items()}
