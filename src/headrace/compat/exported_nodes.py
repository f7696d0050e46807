"""Give the nodes of an exported flow the code by which Langflow finds the server's own components."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.compat.exported_code import exported_code_of, reference_classes
from headrace.compat.recognition import own_component
from headrace.component.node_json import code_hash, node_json

if TYPE_CHECKING:
    from headrace.component.registry import Registry


def with_exported_code(data: Any, registry: Registry) -> Any:
    """Return a flow's data with the code of an export in each node that the server's own component runs.

    Nodes with code of their author, components of the operator's folders and types that Langflow 1.7 lacks keep their
    code.

    Args:
        data: the `data` of a flow file, which is not changed. A flow that was never drawn has none.
        registry: the server's components.

    """
    if not isinstance(data, dict) or not isinstance(data.get("nodes"), list):
        return data
    return {**data, "nodes": [_exported_node(node, registry) for node in data["nodes"]]}


def _exported_node(raw: Any, registry: Registry) -> Any:
    """Return a node of a flow file, with the nodes inside it if it is a group."""
    data = raw.get("data") if isinstance(raw, dict) else None
    body = data.get("node") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(body, dict):
        return raw
    if isinstance(inner := body.get("flow"), dict):
        exported = {**body, "flow": {**inner, "data": with_exported_code(inner.get("data"), registry)}}
    else:
        exported = _exported_body(str(data.get("type") or ""), body, registry)
    return {**raw, "data": {**data, "node": exported}}


def _exported_body(type_name: str, body: dict[str, Any], registry: Registry) -> dict[str, Any]:
    template = body.get("template")
    if not isinstance(template, dict):
        return body
    field = template.get("code")
    stated = field.get("value") if isinstance(field, dict) else None
    component = own_component(type_name, stated if isinstance(stated, str) else None, registry)
    code = exported_code_of(component.type_name()) if component is not None and component.source is None else None
    if component is None or code is None:
        return body
    field = {**(field if isinstance(field, dict) else node_json(component)["template"]["code"]), "value": code}
    metadata = body.get("metadata")
    return {
        **body,
        "template": {**template, "code": field},
        "metadata": {
            **(metadata if isinstance(metadata, dict) else {}),
            "module": reference_classes()[component.type_name()],
            "code_hash": code_hash(code),
        },
    }
