"""Offer the tools of a run's caller to the model that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.models.request_options import NamedTool, UnsupportedOptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.tools import BaseTool

    from headrace.models.chat_model import ChatModel, ToolDefinition
    from headrace.models.request_options import ClientTool, ModelOptions


def with_caller_tools(model: ChatModel, options: ModelOptions, own_tools: Sequence[BaseTool] = ()) -> ChatModel:
    """Return a model with the tools of the flow and of the caller, and with the caller's choice among them.

    Raises:
        UnsupportedOptionError: the model cannot call tools, the caller's tool has the name of another, or a choice has no tools.

    """
    _check_names(options.tools, own_tools)
    tools: list[ToolDefinition] = [*own_tools, *(tool_to_wire(tool) for tool in options.tools)]
    if not tools:
        _check_no_choice(options)
        return model
    choice = options.tool_choice
    names = {tool.name for tool in own_tools} | {tool.name for tool in options.tools}
    if isinstance(choice, NamedTool) and choice.name not in names:
        raise UnsupportedOptionError(
            "tool_choice", f"The tool {choice.name!r} of the choice does not exist. Choose one of `tools`."
        )
    try:
        return model.with_tools(
            tools,
            choice.name if isinstance(choice, NamedTool) else None if choice == "auto" else choice,
            options.parallel_tool_calls,
        )
    except NotImplementedError as error:
        raise UnsupportedOptionError(
            "tools", "The model of this flow cannot call tools. Omit them, or use a flow with another model."
        ) from error


def tool_to_wire(tool: ClientTool) -> dict[str, Any]:
    """Return a tool of the caller in the format of OpenAI's protocol."""
    function: dict[str, Any] = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters or {"type": "object", "properties": {}},
    }
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _check_names(tools: Sequence[ClientTool], own_tools: Sequence[BaseTool]) -> None:
    names = {tool.name for tool in own_tools}
    for tool in tools:
        if tool.name in names:
            raise UnsupportedOptionError(
                "tools",
                f"Another tool has the name {tool.name!r}, in the request or in the flow's agent. Rename the tool.",
            )
        names.add(tool.name)


def _check_no_choice(options: ModelOptions) -> None:
    if options.tool_choice not in {None, "auto", "none"}:
        raise UnsupportedOptionError("tool_choice", "A tool choice needs tools. Send `tools`, or omit the choice.")
    if options.parallel_tool_calls is not None:
        raise UnsupportedOptionError(
            "parallel_tool_calls", "Parallel tool calls need tools. Send `tools`, or omit the option."
        )
