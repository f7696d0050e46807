"""StarterFlow flows: short definitions in `starter_flows/*.json`, expanded to complete flow files.

A definition contains a name, a description, a note, the nodes with the field values that differ from the component's
defaults, and the edges as `node.output > node.field`. Everything else comes from the current components, so a starter
flow is always up to date.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson

from headrace.compat.published_code import current_type
from headrace.component.component import output_types
from headrace.component.node_json import node_json
from headrace.component.prompt_fields import sync_placeholder_fields
from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from headrace.component.registry import Registry

BASIC_CHAT = "basic-chat"

#: The `updated_at` of every starter flow: definitions have none, but editors require it.
CREATED_AT = datetime(2026, 1, 1, tzinfo=UTC)

#: Distance between two nodes, in pixels of the editor's canvas.
_COLUMN_WIDTH, _ROW_HEIGHT = 420, 320


class StarterError(HeadraceError):
    """A starter flow refers to a component or a port that does not exist."""


@dataclass(frozen=True, slots=True)
class StarterFlow:
    """A starter flow. `slug` is the name of its file and its endpoint name."""

    slug: str
    name: str
    description: str
    icon: str
    tags: list[str]
    data: dict[str, Any]

    @property
    def id(self) -> UUID:
        """The id in lists: the same on every server."""
        return uuid5(NAMESPACE_URL, f"headrace/starter/{self.slug}")

    def columns(self) -> dict[str, Any]:
        """Return the columns of a new flow that is a copy of this one."""
        return {
            "name": self.name,
            "description": self.description,
            "icon": self.icon,
            "endpoint_name": self.slug,
            "tags": self.tags,
            "is_component": False,
            "webhook": False,
            "locked": False,
            "mcp_enabled": False,
            "access_type": "PRIVATE",
            "data": self.data,
        }


class StarterFlows:
    """All starter flows, expanded on first use."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @cached_property
    def all(self) -> list[StarterFlow]:
        """The starter flows: Basic Chat, then the others by name."""
        folder = resources.files("headrace.starter_flows")
        slugs = sorted(f.name.removesuffix(".json") for f in folder.iterdir() if f.name.endswith(".json"))
        return sorted((self._load(slug) for slug in slugs), key=lambda s: (s.slug != BASIC_CHAT, s.name))

    def basic_chat(self) -> StarterFlow:
        """Return the flow that every new user starts with."""
        return self._load(BASIC_CHAT)

    def _load(self, slug: str) -> StarterFlow:
        text = (resources.files("headrace.starter_flows") / f"{slug}.json").read_text(encoding="utf-8")
        definition = json.loads(text)
        nodes = {name: self._build_node(name, body) for name, body in definition["nodes"].items()}
        return StarterFlow(
            slug=slug,
            name=definition["name"],
            description=definition["description"],
            icon=definition["icon"],
            tags=definition["tags"],
            data={
                "nodes": [_build_note(definition["name"], definition["note"]), *nodes.values()],
                "edges": [self._build_edge(nodes, line) for line in definition["edges"]],
                "viewport": {"x": 0, "y": 0, "zoom": 0.8},
            },
        )

    def _build_node(self, name: str, definition: dict[str, Any]) -> dict[str, Any]:
        component = self._registry.find(current_type(definition["type"]))
        if component is None:
            raise StarterError(f"Starter flow node {name!r}: component {definition['type']!r} does not exist.")
        node = node_json(component)
        for field, value in definition.get("fields", {}).items():
            node["template"][field]["value"] = value
            if "load_from_db" in node["template"][field]:
                node["template"][field]["load_from_db"] = False
            if node["template"][field]["type"] == "prompt":
                node["template"], names = sync_placeholder_fields(node["template"], value, [])
                node["custom_fields"] = {field: names}
        if "display_name" in definition:
            node["display_name"] = definition["display_name"]
        node_id = f"{definition['type'].replace(' ', '')}-{name}"
        column, row = definition["at"]
        return {
            "id": node_id,
            "type": "genericNode",
            "position": {"x": column * _COLUMN_WIDTH, "y": row * _ROW_HEIGHT},
            "data": {"id": node_id, "type": definition["type"], "node": node, "showNode": not node["minimized"]},
        }

    def _build_edge(self, nodes: dict[str, dict[str, Any]], line: str) -> dict[str, Any]:
        (source_name, output), (target_name, field) = (end.strip().split(".") for end in line.split(">"))
        source, target = nodes[source_name], nodes[target_name]
        component = self._registry.find(current_type(source["data"]["type"]))
        target_field = target["data"]["node"]["template"].get(field)
        if component is None or target_field is None:
            raise StarterError(f"Starter flow edge {line!r}: the output or the field does not exist.")
        source_handle = {
            "dataType": source["data"]["type"],
            "id": source["id"],
            "name": output,
            "output_types": list(output_types(component, output)),
        }
        target_handle = {
            "fieldName": field,
            "id": target["id"],
            "inputTypes": target_field["input_types"],
            "type": target_field["type"],
        }
        return {
            "id": f"{source['id']}-{target['id']}-{field}",
            "source": source["id"],
            "target": target["id"],
            "sourceHandle": _encode_handle(source_handle),
            "targetHandle": _encode_handle(target_handle),
            "data": {"sourceHandle": source_handle, "targetHandle": target_handle},
        }


def _build_note(name: str, lines: list[str]) -> dict[str, Any]:
    node_id = "note-about"
    text = "\n\n".join([f"# {name}", *lines])
    return {
        "id": node_id,
        "type": "noteNode",
        "position": {"x": 0, "y": -_ROW_HEIGHT},
        "width": 520,
        "height": 260,
        "data": {
            "id": node_id,
            "type": "note",
            "node": {
                "description": text,
                "display_name": "",
                "documentation": "",
                "template": {"backgroundColor": "neutral"},
            },
        },
    }


def _encode_handle(handle: dict[str, Any]) -> str:
    # Langflow's editor writes œ for quotation marks in handles.
    return orjson.dumps(handle).decode().replace('"', "œ")
