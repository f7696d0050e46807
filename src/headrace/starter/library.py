"""The starter flows: written short in `flows/*.json`, completed here from the components to whole flow files.

A file holds a name, a description, a note, its nodes with the fields that differ from their component's defaults,
and its edges as `node.output > node.field`. So a starter never lags behind the components that it is made of.
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

from headrace.component.component import output_types
from headrace.component.node_json import node_json
from headrace.component.template import with_gaps
from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from headrace.component.registry import Registry

BASIC_CHAT = "basic-chat"

#: Starters carry no time of their own; editors want one.
WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)

_COLUMN, _ROW = 420, 320


class StarterError(HeadraceError):
    """A starter names a component or a port that isn't there."""


@dataclass(frozen=True, slots=True)
class Starter:
    """A flow to begin with. `slug` is its file's name and the endpoint name of Basic Chat."""

    slug: str
    name: str
    description: str
    icon: str
    tags: list[str]
    data: dict[str, Any]

    @property
    def id(self) -> UUID:
        """The id under which it is listed: the same on every server."""
        return uuid5(NAMESPACE_URL, f"headrace/starter/{self.slug}")

    def columns(self) -> dict[str, Any]:
        """Return it as a user's flow is kept."""
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


class Starters:
    """Every starter flow, completed at first use."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @cached_property
    def all(self) -> list[Starter]:
        """The starters, Basic Chat first, then by name."""
        folder = resources.files("headrace.starter") / "flows"
        slugs = sorted(f.name.removesuffix(".json") for f in folder.iterdir() if f.name.endswith(".json"))
        return sorted((self._read(slug) for slug in slugs), key=lambda s: (s.slug != BASIC_CHAT, s.name))

    def basic_chat(self) -> Starter:
        """Return the flow that every new user gets."""
        return self._read(BASIC_CHAT)

    def _read(self, slug: str) -> Starter:
        text = (resources.files("headrace.starter") / "flows" / f"{slug}.json").read_text(encoding="utf-8")
        short = json.loads(text)
        nodes = {name: self._node(name, body) for name, body in short["nodes"].items()}
        return Starter(
            slug=slug,
            name=short["name"],
            description=short["description"],
            icon=short["icon"],
            tags=short["tags"],
            data={
                "nodes": [_note(short["name"], short["note"]), *nodes.values()],
                "edges": [self._edge(nodes, line) for line in short["edges"]],
                "viewport": {"x": 0, "y": 0, "zoom": 0.8},
            },
        )

    def _node(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        component = self._registry.find(body["type"])
        if component is None:
            raise StarterError(f"There is no component {body['type']!r}.")
        node = node_json(component)
        for field, value in body.get("fields", {}).items():
            node["template"][field]["value"] = value
            if "load_from_db" in node["template"][field]:
                node["template"][field]["load_from_db"] = False
            if node["template"][field]["type"] == "prompt":
                node["template"], names = with_gaps(node["template"], value, [])
                node["custom_fields"] = {field: names}
        if "display_name" in body:
            node["display_name"] = body["display_name"]
        node_id = f"{body['type'].replace(' ', '')}-{name}"
        column, row = body["at"]
        return {
            "id": node_id,
            "type": "genericNode",
            "position": {"x": column * _COLUMN, "y": row * _ROW},
            "data": {"id": node_id, "type": body["type"], "node": node, "showNode": not node["minimized"]},
        }

    def _edge(self, nodes: dict[str, dict[str, Any]], line: str) -> dict[str, Any]:
        (source_name, output), (target_name, field) = (end.strip().split(".") for end in line.split(">"))
        source, target = nodes[source_name], nodes[target_name]
        giver = self._registry.find(source["data"]["type"])
        taken = target["data"]["node"]["template"].get(field)
        if giver is None or taken is None:
            raise StarterError(f"The edge {line!r} leads from or to what isn't there.")
        out = {
            "dataType": source["data"]["type"],
            "id": source["id"],
            "name": output,
            "output_types": list(output_types(giver, output)),
        }
        into = {"fieldName": field, "id": target["id"], "inputTypes": taken["input_types"], "type": taken["type"]}
        return {
            "id": f"{source['id']}-{target['id']}-{field}",
            "source": source["id"],
            "target": target["id"],
            "sourceHandle": _as_text(out),
            "targetHandle": _as_text(into),
            "data": {"sourceHandle": out, "targetHandle": into},
        }


def _note(name: str, lines: list[str]) -> dict[str, Any]:
    node_id = "note-about"
    text = "\n\n".join([f"# {name}", *lines])
    return {
        "id": node_id,
        "type": "noteNode",
        "position": {"x": 0, "y": -_ROW},
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


def _as_text(handle: dict[str, Any]) -> str:
    return orjson.dumps(handle).decode().replace('"', "œ")
