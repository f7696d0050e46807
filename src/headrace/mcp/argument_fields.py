"""Turn the arguments of a tool into fields of a node, and the values of these fields into arguments.

The schema of a tool is untrusted. An argument with the name of one of the node's own fields, such as `code`, gets a field with
another name, and the type of a field never comes from the schema itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from headrace.component import BoolInput, DictInput, DropdownInput, FloatInput, IntInput, MessageTextInput
from headrace.mcp.tool_limits import MAX_DESCRIPTION_LENGTH, MAX_NAME_LENGTH
from headrace.schema import Data, Message

if TYPE_CHECKING:
    from mcp.types import Tool

    from headrace.component.inputs import Input

_INPUT_CLASSES: dict[str, type[Input]] = {
    "integer": IntInput,
    "number": FloatInput,
    "boolean": BoolInput,
    "object": DictInput,
}
_DEFAULT_TYPES: dict[str, type | tuple[type, ...]] = {
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
    "string": str,
}
_SUFFIX = "_argument"


def properties_of(tool: Tool) -> dict[str, Any]:
    """Return the schemas of a tool's arguments by name."""
    properties = tool.input_schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def field_names(tool: Tool, own_fields: Collection[str]) -> dict[str, str]:
    """Return the names of the fields of a tool's arguments, by the names of the arguments.

    Args:
        tool: the tool.
        own_fields: the names of the node's own fields, which no argument may replace.

    """
    properties = properties_of(tool)
    names: dict[str, str] = {}
    taken = {*own_fields, *properties}
    for name in properties:
        field = name
        if name in own_fields or name.startswith("_"):
            field = name.lstrip("_") + _SUFFIX
            while field in taken:
                field += "_"
            taken.add(field)
        names[name] = field
    return names


def argument_field(argument: str, field: str, tool: Tool) -> dict[str, Any]:
    """Return the field JSON of a tool's argument.

    Args:
        argument: the name of the argument.
        field: the name of the field.
        tool: the tool.

    """
    schema = _schema_of(tool, argument)
    required = tool.input_schema.get("required")
    common = {
        "name": field,
        "display_name": str(schema.get("title") or argument)[:MAX_NAME_LENGTH],
        "info": str(schema.get("description") or "")[:MAX_DESCRIPTION_LENGTH],
        "required": isinstance(required, list) and argument in required,
    }
    default = schema.get("default")
    if isinstance(schema.get("enum"), list):
        options = [str(option) for option in schema["enum"] if option is not None]
        value = str(default) if default is not None and str(default) in options else ""
        return DropdownInput(**common, options=options, value=value).to_json()
    kind = _type_of(schema)
    input_class = _INPUT_CLASSES.get(kind, MessageTextInput)
    options_of_type: dict[str, Any] = {}
    if default is not None and isinstance(default, _DEFAULT_TYPES.get(kind, str)):
        options_of_type["value"] = default
    if kind == "array":
        options_of_type["is_list"] = True
    return input_class(**common, **options_of_type).to_json()


def arguments_from_values(tool: Tool, own_fields: Collection[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call from the values of the fields. Empty fields are left out."""
    arguments: dict[str, Any] = {}
    for argument, field in field_names(tool, own_fields).items():
        value = values.get(field)
        if value is not None and value != "" and value != []:
            arguments[argument] = _to_argument(_schema_of(tool, argument), value)
    return arguments


def _schema_of(tool: Tool, argument: str) -> dict[str, Any]:
    schema = properties_of(tool).get(argument)
    if not isinstance(schema, dict):
        return {}
    variants = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(variants, list) and "type" not in schema:
        # An optional argument: its type or null.
        first = next((v for v in variants if isinstance(v, dict) and v.get("type") != "null"), {})
        return {**first, **{key: value for key, value in schema.items() if key not in {"anyOf", "oneOf"}}}
    return schema


def _type_of(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "")
    return kind if isinstance(kind, str) else ""


def _to_argument(schema: Mapping[str, Any], value: Any) -> Any:
    if isinstance(value, Message):
        value = value.text
    elif isinstance(value, Data):
        value = value.data
    kind = _type_of(schema)
    if isinstance(schema.get("enum"), list):
        return next((option for option in schema["enum"] if str(option) == str(value)), value)
    if kind == "array":
        items = schema.get("items")
        item_schema = items if isinstance(items, dict) else {}
        return [_to_argument(item_schema, item) for item in (value if isinstance(value, list) else [value])]
    if isinstance(value, str) and kind in {"integer", "number"}:
        return _to_number(kind, value)
    return value


def _to_number(kind: str, text: str) -> Any:
    """Return a number, or the text if it is none: the server's error explains what it expects."""
    try:
        return int(text) if kind == "integer" else float(text)
    except ValueError:
        return text
