"""Build the members of a request that offer tools or require a response format.

Source: https://platform.openai.com/docs/guides/function-calling and .../guides/structured-outputs
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headrace.models.openai_chat.errors import ChatError

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

_CHOICES = frozenset({"auto", "none", "required"})


def build_tool_options(
    tools: Sequence[Mapping[str, Any] | type | Callable[..., Any] | BaseTool],
    *,
    tool_choice: str | bool | Mapping[str, Any] | None = None,
    strict: bool | None = None,
    parallel_tool_calls: bool | None = None,
) -> dict[str, Any]:
    """Return the members of a request body that offer tools.

    Args:
        tools: LangChain tools, functions, Pydantic classes, or tools in the protocol's form.
        tool_choice: `auto`, `none`, `any` or `required` (also True), the name of one of the tools, or the protocol's
            form. None leaves the choice to the server.
        strict: whether arguments follow the schema exactly.
        parallel_tool_calls: whether one answer may have several calls.

    Raises:
        ChatError: `tool_choice` names no tool.

    """
    wire = [_tool_to_wire(tool, strict) for tool in tools]
    options: dict[str, Any] = {"tools": wire}
    if parallel_tool_calls is not None:
        options["parallel_tool_calls"] = parallel_tool_calls
    choice = _build_choice(tool_choice, wire)
    if choice is not None:
        options["tool_choice"] = choice
    return options


def _tool_to_wire(
    tool: Mapping[str, Any] | type | Callable[..., Any] | BaseTool, strict: bool | None
) -> Mapping[str, Any]:
    if isinstance(tool, Mapping) and "function" in tool and strict is None:
        # Only LangChain tools need LangChain.
        return tool
    from langchain_core.utils.function_calling import convert_to_openai_tool

    return convert_to_openai_tool(tool, strict=strict)


def _build_choice(
    choice: str | bool | Mapping[str, Any] | None, tools: Sequence[Mapping[str, Any]]
) -> str | Mapping[str, Any] | None:
    if choice is None or choice is False or choice == "":
        return None
    if isinstance(choice, Mapping):
        return choice
    if choice is True or choice == "any":
        return "required"
    names = [tool["function"]["name"] for tool in tools if "function" in tool]
    if choice in names:
        return {"type": "function", "function": {"name": choice}}
    if choice in _CHOICES:
        return choice
    raise ChatError(
        f"Tool choice {choice!r} is not one of the tools: {', '.join(names) or 'none'}. "
        "Choose a tool's name, 'auto', 'any' or 'none'."
    )


def build_response_format(schema: Mapping[str, Any] | type, *, strict: bool | None = None) -> dict[str, Any]:
    """Return the `response_format` for a schema.

    Args:
        schema: a Pydantic class, a TypedDict, a JSON schema with a title, or the protocol's form.
        strict: whether the answer follows the schema exactly. None means: for a class, but not for a mapping, which
            may use keywords that the strict mode rejects.

    """
    from langchain_core.utils.function_calling import convert_to_openai_function

    if isinstance(schema, Mapping):
        if schema.get("type") == "json_schema":
            return dict(schema)
        if {"name", "schema"} <= schema.keys():
            return {"type": "json_schema", "json_schema": dict(schema)}
    strict = isinstance(schema, type) if strict is None else strict
    function = dict(convert_to_openai_function(schema, strict=strict))
    function["schema"] = function.pop("parameters")
    function["strict"] = strict
    return {"type": "json_schema", "json_schema": function}
