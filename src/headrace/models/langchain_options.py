"""The options of a run's caller as keyword arguments of a LangChain model's calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.models.openai_chat.caller_options import caller_members, response_format_member
from headrace.models.request_options import UnsupportedOptionError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from headrace.models.request_options import ModelOptions

#: Options that `with_caller_options` does not apply: they are messages and tools, which every model with tools takes.
_NOT_ARGUMENTS = frozenset({"instructions", "turns", "attachments", "tools", "tool_choice", "parallel_tool_calls"})
#: The keyword arguments of `ChatAnthropic`. It has no seed, no penalties and no JSON without a schema.
_ANTHROPIC_NAMES = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_output_tokens": "max_tokens",
    "stop": "stop",
    "reasoning_effort": "reasoning_effort",
}


def call_arguments(model: BaseChatModel, options: ModelOptions) -> dict[str, Any]:
    """Return the keyword arguments of a model's calls.

    The classes of langchain-anthropic and of OpenAI's protocol are known. LangChain has no general names for options beside `stop`, and
    most models ignore arguments that they do not know.

    Raises:
        UnsupportedOptionError: the model does not support an option.

    """
    module = type(model).__module__
    if module.startswith(("langchain_openai.", "headrace.models.openai_chat.")):
        return caller_members(options, str(getattr(model, "model_name", "")))
    requested = options.requested() - _NOT_ARGUMENTS
    names = _ANTHROPIC_NAMES if module.startswith("langchain_anthropic.") else {"stop": "stop"}
    arguments = {names[name]: getattr(options, name) for name in requested & names.keys()}
    if "stop" in arguments:
        arguments["stop"] = list(arguments["stop"])
    unknown = requested - names.keys()
    form = options.response_format
    if form is not None and form.kind == "json_schema" and names is _ANTHROPIC_NAMES:
        arguments["response_format"] = response_format_member(form)
        unknown -= {"response_format"}
    if unknown:
        raise UnsupportedOptionError(
            min(unknown), f"The model of this flow, a {type(model).__name__}, does not support this option. Omit it."
        )
    return arguments


def tool_choice_argument(model: BaseChatModel, choice: str) -> str | dict[str, str]:
    """Return the argument `tool_choice` of `bind_tools` for the name of a tool, `required` or `none`."""
    if choice == "required":
        # All of LangChain's models know this name, few know the other.
        return "any"
    is_anthropic = type(model).__module__.startswith("langchain_anthropic.")
    return {"type": "none"} if choice == "none" and is_anthropic else choice
