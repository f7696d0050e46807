"""The node JSON of a component class, as in `GET /api/v1/all` and in flows."""

from __future__ import annotations

import hashlib
import inspect
import pathlib
from typing import Any

from headrace.component.component import Component, output_types
from headrace.component.output import Output


def source_of(component: type[Component]) -> str:
    """Return the source of a component: the whole file that defines it."""
    if component.source is not None:
        return component.source
    return pathlib.Path(inspect.getfile(component)).read_text(encoding="utf-8")


def code_hash(code: str) -> str:
    """Return the first 12 hex digits of the SHA-256 of a node's code, which identify the code."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def node_json(component: type[Component]) -> dict[str, Any]:
    """Return the node JSON of a component, with every field and output."""
    code = source_of(component)
    types = {o.name: list(output_types(component, o.name)) for o in component.outputs}
    return {
        "template": {
            "_type": "Component",
            "code": _code_field(code),
            **{i.name: i.to_json() for i in component.inputs},
        },
        "description": component.description,
        "icon": component.icon,
        "base_classes": sorted({t for names in types.values() for t in names}),
        "display_name": component.display_name or component.type_name(),
        "documentation": component.documentation,
        "minimized": component.minimized,
        "custom_fields": {},
        "output_types": [],
        "pinned": False,
        "conditional_paths": [],
        "frozen": False,
        "outputs": [_output(component, o, types[o.name]) for o in component.outputs],
        "field_order": [i.name for i in component.inputs],
        "beta": component.beta,
        "legacy": component.legacy,
        "edited": False,
        "metadata": {
            "module": component.__module__
            if component.source is not None
            else f"{component.__module__}.{component.__name__}",
            "code_hash": code_hash(code),
            "dependencies": {"dependencies": [{"name": "lfx", "version": None}], "total_dependencies": 1},
        },
        "tool_mode": False,
    }


def _output(component: type[Component], output: Output, types: list[str]) -> dict[str, Any]:
    port = output.model_copy(update={"types": types}).to_json()
    if component.source is None:
        return port
    # Langflow adds these keys to the outputs of a node that it creates from source.
    return {"hidden": None, "required_inputs": None, "loop_types": None, "options": None, **port}


def _code_field(code: str) -> dict[str, Any]:
    return {
        "type": "code",
        "required": True,
        "placeholder": "",
        "list": False,
        "show": True,
        "multiline": True,
        "value": code,
        "fileTypes": [],
        "file_path": "",
        "password": False,
        "name": "code",
        "advanced": True,
        "dynamic": True,
        "info": "",
        "load_from_db": False,
        "title_case": False,
    }
