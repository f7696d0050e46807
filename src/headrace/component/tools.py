"""Tool mode: the outputs of a component as tools that a model can call."""

from __future__ import annotations

import asyncio
import inspect
import re
from typing import TYPE_CHECKING, Any

from headrace.component.component_run import run_of
from headrace.component.output import Output
from headrace.schema.json_text import spaced_json
from headrace.schema.records import is_table, records_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from langchain_core.tools import BaseTool
    from pydantic import BaseModel

    from headrace.component.component import Component
    from headrace.component.inputs import Input

#: The output of a node in tool mode.
TOOL_OUTPUT = Output(name="component_as_tool", display_name="Toolset", method="to_toolkit", types=["Tool"])
#: The field with the names and descriptions of a node's tools, which the flow's author can change.
TOOLS_METADATA = "tools_metadata"

#: Characters that model providers do not allow in a tool's name, and the maximum length of the name.
_INVALID_NAME_CHARACTERS = re.compile(r"[^a-zA-Z0-9_-]+")

MAX_TOOL_NAME_LENGTH = 64

_TYPES: dict[str, type] = {"int": int, "float": float, "bool": bool, "dict": dict, "NestedDict": dict, "slider": float}


def tool_name(name: str) -> str:
    """Return a valid tool name: letters, digits, `_` and `-`, at most 64 characters."""
    return _INVALID_NAME_CHARACTERS.sub("_", name).strip("_")[:MAX_TOOL_NAME_LENGTH] or "tool"


def build_tools(component: Component) -> list[BaseTool]:
    """Return a tool for each output of a component in tool mode, with the names and descriptions from its node."""
    from langchain_core.tools import StructuredTool

    overrides = tool_overrides(run_of(component).values.get(TOOLS_METADATA))
    tools: list[BaseTool] = []
    for output in type(component).outputs:
        row = overrides.get(output.method, {})
        if not output.tool_mode or row.get("status") is False:
            continue
        tools.append(
            StructuredTool.from_function(
                coroutine=_call(component, output),
                name=tool_name(str(row.get("name") or output.method)),
                description=str(row.get("description") or type(component).description or type(component).display_name),
                args_schema=_arguments(type(component), output, described_arguments(row)),
            )
        )
    return tools


def to_tool_mode(component: type[Component], node: dict[str, Any]) -> dict[str, Any]:
    """Return a node in tool mode: with the toolset as its only output and a field that describes the tools."""
    rows = node["template"].get(TOOLS_METADATA, {}).get("value")
    field = {
        "_input_type": "ToolsInput",
        "type": "tools",
        "name": TOOLS_METADATA,
        "display_name": "Actions",
        "info": "Names and descriptions of the tools, as the model sees them. Edit them to change how the model uses the tools.",
        "list": True,
        "is_list": True,
        "show": True,
        "required": False,
        "advanced": False,
        "dynamic": False,
        "placeholder": "",
        "list_add_label": "Add More",
        "override_skip": False,
        "tool_mode": False,
        "track_in_telemetry": True,
        "real_time_refresh": True,
        "title_case": False,
        "trace_as_metadata": True,
        "value": rows or [_row(component, output) for output in component.outputs if output.tool_mode],
    }
    template = {**node["template"], TOOLS_METADATA: field}
    return {**node, "template": template, "outputs": [TOOL_OUTPUT.to_json()], "tool_mode": True}


def _row(component: type[Component], output: Output) -> dict[str, Any]:
    name = tool_name(output.method)
    description = component.description or component.display_name
    return {
        "name": name,
        "description": description,
        "display_name": output.display_name or name,
        "display_description": description,
        "tags": [output.method],
        "args": _argument_rows(component, output),
        "readonly": False,
        "status": True,
    }


def _argument_rows(component: type[Component], output: Output) -> dict[str, dict[str, Any]]:
    """Return the JSON schema properties of a tool's arguments: title, description, type and default."""
    properties: dict[str, dict[str, Any]] = _arguments(component, output, {}).model_json_schema().get("properties", {})
    for field in component.inputs:
        if field.name in properties and not field.required:
            properties[field.name].setdefault("default", field.value)
    return properties


def tool_overrides(value: object) -> dict[str, dict[str, Any]]:
    """Return the rows of a node's `tools_metadata` by the original name of each tool."""
    rows = [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
    return {tags[0]: row for row in rows if (tags := row.get("tags", [row.get("name")]))}


def described_arguments(row: dict[str, Any]) -> dict[str, str]:
    """Return the descriptions of a tool's arguments in a row of `tools_metadata`, by argument name."""
    args = row.get("args")
    arguments = args.items() if isinstance(args, dict) else ()
    return {name: str(a["description"]) for name, a in arguments if isinstance(a, dict) and a.get("description")}


def _arguments(component: type[Component], output: Output, descriptions: dict[str, str]) -> type[BaseModel]:
    """Return the model of a tool's arguments: the component's fields that are in tool mode."""
    from pydantic import Field, create_model

    fields: dict[str, Any] = {}
    for field in component.inputs:
        if not getattr(field, "tool_mode", False):
            continue
        argument = Field(
            default=... if field.required or field.value in ("", None) else field.value,
            title=field.display_name or field.name,
            description=descriptions.get(field.name) or field.info or field.display_name or field.name,
        )
        fields[field.name] = (_type_of(field), argument)
    return create_model(f"{tool_name(output.method)}_arguments", **fields)


def _type_of(field: Input) -> Any:
    item_type = _TYPES.get(field.field_type, str)
    # mypy does not accept a variable as a type argument.
    return list[item_type] if getattr(field, "is_list", False) else item_type  # type: ignore[valid-type]


def _call(component: Component, output: Output) -> Callable[..., Coroutine[Any, Any, str]]:
    kind, state = type(component), run_of(component)

    async def call(**arguments: object) -> str:
        # Each call gets its own instance, so the arguments of one call do not affect another.
        values: Mapping[str, Any] = {**state.values, **arguments}
        instance = kind.create(state.vertex_id, state.context, values, state.sources)
        method = kind.output_method(instance, output)
        if inspect.iscoroutinefunction(method):
            return text_of(await method())
        return text_of(await asyncio.to_thread(method) if kind.blocking else method())

    return call


def text_of(value: object) -> str:
    """Return the result of a tool as text for a model: text unchanged, any other value as JSON with spaces."""
    from headrace.schema import Data, Message

    if isinstance(value, str):
        return value
    if isinstance(value, Message):
        return value.text
    if isinstance(value, Data):
        value = value.data
    elif isinstance(value, list) and value and all(isinstance(item, Data) for item in value):
        value = [item.data for item in value]
    elif is_table(value):
        value = records_of(value)
    return spaced_json(value)
