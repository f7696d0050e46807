"""`FlowInput`: an OpenAI request as the input of a flow and the options of its models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from headrace.formats.openai.errors import ParameterError, UnsupportedParameterError
from headrace.models.content import Part, TextPart, Turn
from headrace.models.request_options import ClientTool, ModelOptions, NamedTool, ResponseFormat, ToolChoiceMode

_SYSTEM_ROLES = ("system", "developer")


@dataclass(frozen=True, slots=True)
class FlowInput:
    """The input of a run.

    Attributes:
        text: the current message.
        options: the options of the models that answer.
        parameters: option name to the name of the parameter of the request that it comes from.

    """

    text: str
    options: ModelOptions
    parameters: Mapping[str, str] = field(default_factory=dict)

    def parameter_of(self, option: str) -> str:
        """Return the name of the parameter of the request that an option comes from."""
        return self.parameters.get(option, option)


@dataclass(frozen=True, slots=True)
class RequestConversation:
    """The messages of a request: system messages, earlier turns, and the current message."""

    instructions: str
    turns: tuple[Turn, ...]
    text: str
    attachments: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class SystemMessage:
    """A message of the role `system` or `developer`."""

    text: str


def split_conversation(messages: Sequence[Turn | SystemMessage], parameter: str) -> RequestConversation:
    """Return the parts of a conversation. The last message is the current one if it is a user's.

    Raises:
        ParameterError: The last message is the assistant's.

    """
    instructions = "\n\n".join(m.text for m in messages if isinstance(m, SystemMessage) and m.text)
    turns = merge_assistant_turns([m for m in messages if isinstance(m, Turn)])
    if not turns or turns[-1].role == "tool":
        return RequestConversation(instructions, tuple(turns), "", ())
    last = turns[-1]
    if last.role != "user":
        raise ParameterError(
            parameter, f"The last message in '{parameter}' must be of the user or the result of a tool."
        )
    text = "\n".join(part.text for part in last.parts if isinstance(part, TextPart))
    attachments = tuple(part for part in last.parts if not isinstance(part, TextPart))
    return RequestConversation(instructions, tuple(turns[:-1]), text, attachments)


def merge_assistant_turns(turns: Sequence[Turn]) -> list[Turn]:
    """Return the turns, with tool calls in the turn of the assistant that they follow."""
    groups: list[list[Turn]] = []
    for turn in turns:
        if turn.role == "assistant" and not turn.parts and not turn.tool_calls:
            # A message without content, such as that of an answer that failed.
            continue
        if turn.role == "assistant" and turn.tool_calls and groups and groups[-1][0].role == "assistant":
            groups[-1].append(turn)
        else:
            groups.append([turn])
    return [_merge(group) for group in groups]


def _merge(turns: Sequence[Turn]) -> Turn:
    if len(turns) == 1:
        return turns[0]
    parts = tuple(part for turn in turns for part in turn.parts)
    return Turn("assistant", parts, tuple(call for turn in turns for call in turn.tool_calls))


def is_system_role(role: str) -> bool:
    """Return whether messages of a role are instructions."""
    return role in _SYSTEM_ROLES


def client_tool(tool: Mapping[str, Any], parameter: str) -> ClientTool:
    """Return a function of the client, from its name, description, parameters and `strict`.

    Raises:
        ParameterError: It is not valid.

    """
    name, parameters = tool.get("name"), tool.get("parameters")
    if not isinstance(name, str) or not name:
        raise ParameterError(f"{parameter}.name", f"Missing required parameter: '{parameter}.name'.")
    if parameters is not None and not isinstance(parameters, dict):
        raise ParameterError(f"{parameter}.parameters", f"'{parameter}.parameters' must be a JSON schema.")
    return ClientTool(name, _description(tool, parameter), parameters, _strict(tool, parameter))


def check_tool_type(kind: object, parameter: str) -> None:
    """Check that a tool is a function.

    Raises:
        UnsupportedParameterError: It is of another type.

    """
    if kind != "function":
        raise UnsupportedParameterError(
            f"{parameter}.type", f"Tools of the type {kind!r} are not supported. Add such a tool to the flow's agent."
        )


def tool_choice(choice: str | Mapping[str, Any] | None, *, has_tools: bool) -> ToolChoiceMode | NamedTool | None:
    """Return the choice among tools. The choice is the model's if there is none.

    Raises:
        ParameterError: It is not valid.

    """
    if choice is None or (choice == "auto" and not has_tools):
        return None
    if isinstance(choice, str):
        if choice not in {"auto", "none", "required"}:
            raise ParameterError("tool_choice", "'tool_choice' must be 'auto', 'none', 'required' or a function.")
        return cast("ToolChoiceMode", choice)
    if choice.get("type") != "function":
        raise UnsupportedParameterError("tool_choice.type", "Choose a function.")
    function = choice.get("function", choice)
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str) or not name:
        raise ParameterError("tool_choice.name", "'tool_choice' must contain the name of a function.")
    return NamedTool(name)


def response_format(form: object, parameter: str) -> ResponseFormat | None:
    """Return the format of the answer, whose JSON schema is next to its name.

    Args:
        form: the JSON value in the request.
        parameter: its name, for errors.

    Raises:
        ParameterError: It is not valid.

    """
    if form is None:
        return None
    if not isinstance(form, Mapping):
        raise ParameterError(parameter, f"'{parameter}' must be an object with a 'type'.")
    kind = form.get("type")
    if kind not in ("text", "json_object", "json_schema"):
        raise ParameterError(f"{parameter}.type", f"'{parameter}.type' must be 'text', 'json_object' or 'json_schema'.")
    if kind != "json_schema":
        return ResponseFormat(cast("Literal['text', 'json_object']", kind))
    name, schema = form.get("name"), form.get("schema")
    if not isinstance(name, str) or not name:
        raise ParameterError(f"{parameter}.name", f"Missing required parameter: '{parameter}.name'.")
    if not isinstance(schema, dict):
        raise ParameterError(f"{parameter}.schema", f"'{parameter}.schema' must be a JSON schema.")
    return ResponseFormat("json_schema", schema, name, _description(form, parameter), _strict(form, parameter))


def _description(form: Mapping[str, Any], parameter: str) -> str:
    description = form.get("description")
    if description is not None and not isinstance(description, str):
        raise ParameterError(f"{parameter}.description", f"'{parameter}.description' must be a text.")
    return description or ""


def _strict(form: Mapping[str, Any], parameter: str) -> bool | None:
    strict = form.get("strict")
    if strict is not None and not isinstance(strict, bool):
        raise ParameterError(f"{parameter}.strict", f"'{parameter}.strict' must be true or false.")
    return strict
