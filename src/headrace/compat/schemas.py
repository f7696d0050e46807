"""Convert between JSON schemas, Pydantic models, inputs and dotted names for component code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    from headrace.component.inputs import Input

#: Objects below this depth are not flattened. It also ends recursive schemas.
MAX_SCHEMA_DEPTH = 20


def maybe_unflatten_dict(flat: dict[str, Any]) -> dict[str, Any]:
    """Return a dict with dotted keys, and `[numbers]` for list items, as nested dicts and lists."""
    if not any(re.search(r"\.|\[\d+\]", name) for name in flat):
        return flat
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        parts: list[str | int] = [
            int(number) if number else part for part, number in re.findall(r"([^.\[\]]+)|\[(\d+)\]", name)
        ]
        container: Any = nested
        for part, next_part in zip(parts, [*parts[1:], None], strict=True):
            child: Any = value if next_part is None else [] if isinstance(next_part, int) else {}
            if isinstance(part, int):
                container += [None] * (part + 1 - len(container))
                if container[part] is None or next_part is None:
                    container[part] = child
            elif next_part is None or part not in container:
                container[part] = child
            container = container[part]
    return nested


def flatten_schema(root_schema: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON schema with the properties of nested objects at the top level, under dotted names."""
    definitions = root_schema.get("$defs", {})
    flat: dict[str, Any] = {}
    required: list[str] = []

    def walk(schema: dict[str, Any], path: str, *, is_required: bool, depth: int) -> None:
        if "$ref" in schema:
            schema = definitions.get(str(schema["$ref"]).rpartition("/")[2], {})
        if "properties" not in schema or depth > MAX_SCHEMA_DEPTH:
            flat[path] = schema
            if is_required:
                required.append(path)
            return
        for name, child in schema["properties"].items():
            child_required = is_required and name in schema.get("required", [])
            walk(child, f"{path}.{name}" if path else name, is_required=child_required, depth=depth + 1)

    walk(root_schema, "", is_required=True, depth=0)
    return {**root_schema, "properties": flat, "required": required}


def schema_to_langflow_inputs(schema: type[BaseModel]) -> list[Input]:
    """Return an input for each field of a Pydantic model, of the class that fits its type."""
    return [_input_from_field(name, field) for name, field in schema.model_fields.items()]


def _input_from_field(name: str, field: Any) -> Input:
    import typing

    from headrace.component import BoolInput, DictInput, DropdownInput, FloatInput, IntInput, MessageTextInput

    field_type, is_list = field.annotation, False
    if type(None) in typing.get_args(field_type):
        field_type = next(a for a in typing.get_args(field_type) if a is not type(None))
    if typing.get_origin(field_type) is list:
        field_type, is_list = (typing.get_args(field_type) or (str,))[0], True
    options: dict[str, Any] = {
        "name": name,
        "display_name": field.title or name.replace("_", " ").title(),
        "info": field.description or "",
        "required": field.is_required(),
        "tool_mode": True,
    }
    if not field.is_required() and field.default is not None:
        options["value"] = field.default
    if typing.get_origin(field_type) is typing.Literal:
        return DropdownInput(**options, options=[str(choice) for choice in typing.get_args(field_type)])
    classes: dict[Any, Callable[..., Input]] = {bool: BoolInput, int: IntInput, float: FloatInput, dict: DictInput}
    input_class = classes.get(typing.get_origin(field_type) or field_type, MessageTextInput)
    return input_class(**options, is_list=is_list)


def create_input_schema_from_json_schema(schema: dict[str, Any]) -> type[BaseModel]:
    """Return a Pydantic model with a field for each property of a JSON schema."""
    from typing import Literal, Optional

    from pydantic import Field, create_model

    types: dict[str, Any] = {"integer": int, "number": float, "boolean": bool, "object": dict, "array": list}
    fields: dict[str, Any] = {}
    for name, definition in schema.get("properties", {}).items():
        choices = definition.get("enum")
        field_type: Any = Literal[tuple(choices)] if choices else types.get(str(definition.get("type")), str)
        is_required = name in schema.get("required", [])
        default = ... if is_required else definition.get("default")
        fields[name] = (
            field_type if is_required else Optional[field_type],  # noqa: UP045 - `|` does not take a Literal variable
            Field(default, description=definition.get("description")),
        )
    return create_model("InputSchema", **fields)
