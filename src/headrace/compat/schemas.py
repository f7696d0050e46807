"""JSON schemas, and dicts of dotted names, as components turn them into fields and models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    from headrace.component.inputs import Input


def maybe_unflatten_dict(flat: dict[str, Any]) -> dict[str, Any]:
    """Return a dict of dotted names, with `[numbers]` for lists, as dicts and lists within one another."""
    if not any(re.search(r"\.|\[\d+\]", name) for name in flat):
        return flat
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        parts: list[str | int] = [
            int(number) if number else part for part, number in re.findall(r"([^.\[\]]+)|\[(\d+)\]", name)
        ]
        here: Any = nested
        for part, following in zip(parts, [*parts[1:], None], strict=True):
            new: Any = value if following is None else [] if isinstance(following, int) else {}
            if isinstance(part, int):
                here += [None] * (part + 1 - len(here))
                if here[part] is None or following is None:
                    here[part] = new
            elif following is None or part not in here:
                here[part] = new
            here = here[part]
    return nested


def flatten_schema(root_schema: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON schema whose nested objects' properties stand side by side, under dotted names."""
    definitions = root_schema.get("$defs", {})
    flat: dict[str, Any] = {}
    required: list[str] = []

    def walk(schema: dict[str, Any], before: str, *, needed: bool, depth: int) -> None:
        if "$ref" in schema:
            schema = definitions.get(str(schema["$ref"]).rpartition("/")[2], {})
        if "properties" not in schema or depth > 20:
            flat[before] = schema
            if needed:
                required.append(before)
            return
        for name, inner in schema["properties"].items():
            whole = f"{before}.{name}" if before else name
            walk(inner, whole, needed=needed and name in schema.get("required", []), depth=depth + 1)

    walk(root_schema, "", needed=True, depth=0)
    return {**root_schema, "properties": flat, "required": required}


def schema_to_langflow_inputs(schema: type[BaseModel]) -> list[Input]:
    """Return a field for each of a model's, of the kind that fits its type."""
    return [_input_of(name, field) for name, field in schema.model_fields.items()]


def _input_of(name: str, field: Any) -> Input:
    import typing

    from headrace.component import BoolInput, DictInput, DropdownInput, FloatInput, IntInput, MessageTextInput

    kind, is_list = field.annotation, False
    if type(None) in typing.get_args(kind):
        kind = next(a for a in typing.get_args(kind) if a is not type(None))
    if typing.get_origin(kind) is list:
        kind, is_list = (typing.get_args(kind) or (str,))[0], True
    told: dict[str, Any] = {
        "name": name,
        "display_name": field.title or name.replace("_", " ").title(),
        "info": field.description or "",
        "required": field.is_required(),
        "tool_mode": True,
    }
    if not field.is_required() and field.default is not None:
        told["value"] = field.default
    if typing.get_origin(kind) is typing.Literal:
        return DropdownInput(**told, options=[str(o) for o in typing.get_args(kind)])
    makers: dict[Any, Callable[..., Input]] = {bool: BoolInput, int: IntInput, float: FloatInput, dict: DictInput}
    maker = makers.get(typing.get_origin(kind) or kind, MessageTextInput)
    return maker(**told, is_list=is_list)


def create_input_schema_from_json_schema(schema: dict[str, Any]) -> type[BaseModel]:
    """Return a model with a field for each property of a JSON schema."""
    from typing import Literal, Optional

    from pydantic import Field, create_model

    kinds: dict[str, Any] = {"integer": int, "number": float, "boolean": bool, "object": dict, "array": list}
    fields: dict[str, Any] = {}
    for name, told in schema.get("properties", {}).items():
        options = told.get("enum")
        kind: Any = Literal[tuple(options)] if options else kinds.get(str(told.get("type")), str)
        needed = name in schema.get("required", [])
        default = ... if needed else told.get("default")
        fields[name] = (kind if needed else Optional[kind], Field(default, description=told.get("description")))  # noqa: UP045
    return create_model("InputSchema", **fields)
