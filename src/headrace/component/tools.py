"""Tool mode: a component's outputs as tools that a model may call."""

from __future__ import annotations

import asyncio
import inspect
import re
from typing import TYPE_CHECKING, Any

import orjson

from headrace.component.output import Output
from headrace.schema.records import is_table, records_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from langchain_core.tools import BaseTool
    from pydantic import BaseModel

    from headrace.component.component import Component
    from headrace.component.inputs import Input

#: The output of a node in tool mode, and the field with what its author changed of the tools' names and descriptions.
TOOL_OUTPUT = Output(name="component_as_tool", display_name="Toolset", method="to_toolkit", types=["Tool"])
METADATA = "tools_metadata"

#: What models take for a tool's name.
_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]+")

_TYPES: dict[str, type] = {"int": int, "float": float, "bool": bool, "dict": dict, "NestedDict": dict, "slider": float}


def tool_name(name: str) -> str:
    """Return a name as models take it: letters, digits, _ and -, 64 at most."""
    return _NO_NAME.sub("_", name).strip("_")[:64] or "tool"


def tools_of(component: Component) -> list[BaseTool]:
    """Return a tool for each of a component's outputs that may be one, as its node's author named and described it."""
    from langchain_core.tools import StructuredTool

    changed = changed_tools(component.values.get(METADATA))
    tools: list[BaseTool] = []
    for output in component.outputs:
        row = changed.get(output.method, {})
        if not output.tool_mode or row.get("status") is False:
            continue
        tools.append(
            StructuredTool.from_function(
                coroutine=_call(component, output),
                name=tool_name(str(row.get("name") or output.method)),
                description=str(row.get("description") or component.description or component.display_name),
                args_schema=_arguments(component, output, described_arguments(row)),
            )
        )
    return tools


def in_tool_mode(component: type[Component], node: dict[str, Any]) -> dict[str, Any]:
    """Return a node with its tools as the one output, and with the field where their names and descriptions are changed."""
    kept = node["template"].get(METADATA, {}).get("value")
    field = {
        "_input_type": "ToolsInput",
        "type": "tools",
        "name": METADATA,
        "display_name": "Actions",
        "info": "How a model sees them.",
        "list": True,
        "is_list": True,
        "show": True,
        "required": False,
        "advanced": False,
        "dynamic": False,
        "placeholder": "",
        "real_time_refresh": True,
        "title_case": False,
        "trace_as_metadata": True,
        "value": kept or [_row(component, output) for output in component.outputs if output.tool_mode],
    }
    template = {**node["template"], METADATA: field}
    return {**node, "template": template, "outputs": [TOOL_OUTPUT.to_json()], "tool_mode": True}


def _row(component: type[Component], output: Output) -> dict[str, Any]:
    taken = [i for i in component.inputs if getattr(i, "tool_mode", False)]
    name = tool_name(output.method)
    told = component.description or component.display_name
    arguments = {i.name: {"title": i.display_name or i.name, "description": i.info} for i in taken}
    return {
        "name": name,
        "description": told,
        "display_name": output.display_name or name,
        "display_description": told,
        "tags": [output.method],
        "args": arguments,
        "readonly": False,
        "status": True,
    }


def changed_tools(value: object) -> dict[str, dict[str, Any]]:
    """Return what a node's author changed of its tools, by the name that each has by itself."""
    rows = [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
    return {tags[0]: row for row in rows if (tags := row.get("tags", [row.get("name")]))}


def described_arguments(row: dict[str, Any]) -> dict[str, str]:
    """Return how a node's author described the arguments of a tool, by their names."""
    told = row.get("args")
    arguments = told.items() if isinstance(told, dict) else ()
    return {n: str(a["description"]) for n, a in arguments if isinstance(a, dict) and a.get("description")}


def _arguments(component: Component, output: Output, described: dict[str, str]) -> type[BaseModel]:
    from pydantic import Field, create_model

    fields: dict[str, Any] = {}
    for field in component.inputs:
        if not getattr(field, "tool_mode", False):
            continue
        told = Field(
            default=... if field.required or field.value in ("", None) else field.value,
            description=described.get(field.name) or field.info or field.display_name or field.name,
        )
        fields[field.name] = (_type_of(field), told)
    return create_model(f"{tool_name(output.method)}_arguments", **fields)


def _type_of(field: Input) -> Any:
    single = _TYPES.get(field.field_type, str)
    return list[single] if getattr(field, "is_list", False) else single  # type: ignore[valid-type]


def _call(component: Component, output: Output) -> Callable[..., Coroutine[Any, Any, str]]:
    async def call(**arguments: object) -> str:
        # Each call is a run of its own: what the model gives stays out of the others.
        values: Mapping[str, Any] = {**component.values, **arguments}
        called = component.made(component.id, component.context, values, component.sources)
        method = called.method_of(output)
        if inspect.iscoroutinefunction(method):
            return text_of(await method())
        return text_of(await asyncio.to_thread(method) if called.blocking else method())

    return call


def text_of(value: object) -> str:
    """Return what a tool gave as a model reads it: text as it is, anything else as JSON."""
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
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
