"""The request of a chat completion.

Source: OpenAI's API reference of `POST /chat/completions`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from headrace.formats.openai.content_parts import ContentPart, FilePaths, ParsedText, WireModel, to_parts, to_text
from headrace.formats.openai.errors import ParameterError, UnsupportedParameterError
from headrace.formats.openai.flow_input import (
    FlowInput,
    SystemMessage,
    check_tool_type,
    client_tool,
    is_system_role,
    response_format,
    split_conversation,
    tool_choice,
)
from headrace.formats.openai.parameters import CHAT_PARAMETERS, check_parameters
from headrace.formats.openai.request_limits import MAX_LIST_ITEMS, MAX_TOOLS, JsonMap
from headrace.models.content import Turn
from headrace.models.openai_chat.completion import ToolCall
from headrace.models.request_options import ClientTool, ModelOptions

#: The maximum number of answers to a request, each a run of the flow.
MAX_CHOICES = 16
MAX_STOP_TEXTS = 4
MAX_SESSION_CHARACTERS = 1024


class FunctionCall(WireModel):
    """The name and the arguments of a call."""

    name: str
    arguments: str = "{}"
    parsed_arguments: ParsedText = None


class ToolCallMessage(WireModel):
    """A call in a message of the assistant."""

    id: str
    type: str = "function"
    function: FunctionCall
    index: int | None = None


class ChatMessage(WireModel):
    """A message of a conversation."""

    role: str = "user"
    content: str | Annotated[list[ContentPart], Field(max_length=MAX_LIST_ITEMS, fail_fast=True)] | None = None
    name: str | None = Field(default=None, description="Accepted, no effect: models get no names.")
    refusal: str | None = None
    tool_calls: Annotated[list[ToolCallMessage], Field(max_length=MAX_TOOLS, fail_fast=True)] | None = None
    tool_call_id: str | None = None
    #: Of an earlier answer that the client sends again.
    annotations: Any = None
    parsed: ParsedText = None


class StreamOptions(WireModel):
    """Options of a stream."""

    include_usage: bool = Field(default=False, description="Whether a last chunk contains the usage.")
    include_obfuscation: bool = False


class ChatRequest(BaseModel):
    """A request to run a flow and return its output as a chat completion."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(max_length=1024, description="The flow's id or endpoint name.")
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MAX_LIST_ITEMS, fail_fast=True)] = Field(
        description="The conversation. The last user message is the input of the flow."
    )
    stream: bool | None = Field(default=None, description="Whether to return the completion as a stream of chunks.")
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = Field(default=None, description="The number of answers.")
    metadata: JsonMap | None = Field(
        default=None, description="`session_id` is the session of the run; by default, each request has a new one."
    )
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: str | Annotated[list[str], Field(max_length=MAX_STOP_TEXTS)] | None = None
    seed: Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    reasoning_effort: Annotated[str, Field(max_length=32)] | None = None
    response_format: JsonMap | None = None
    tools: Annotated[list[JsonMap], Field(max_length=MAX_TOOLS, fail_fast=True)] | None = None
    tool_choice: str | JsonMap | None = None
    parallel_tool_calls: bool | None = None

    def check(self) -> None:
        """Check the parameters that the server refuses, and those that contradict each other.

        Raises:
            ParameterError: A parameter is unknown, refused, or contradicts another.

        """
        check_parameters(self.model_extra or {}, CHAT_PARAMETERS)
        if self.stream_options is not None and not self.stream:
            raise ParameterError("stream_options", "'stream_options' is only allowed when 'stream' is true.")
        if self.stream_options is not None and self.stream_options.include_obfuscation:
            raise UnsupportedParameterError("stream_options.include_obfuscation", "Chunks are not padded.")
        if self.max_tokens is not None and self.max_completion_tokens is not None:
            raise ParameterError("max_tokens", "Send 'max_completion_tokens' or 'max_tokens', not both.")
        session = (self.metadata or {}).get("session_id")
        if session is not None and not isinstance(session, str):
            raise ParameterError("metadata.session_id", "'metadata.session_id' must be a text.")
        if len(self.session_id or "") > MAX_SESSION_CHARACTERS:
            raise ParameterError(
                "metadata.session_id", f"'metadata.session_id' must have at most {MAX_SESSION_CHARACTERS} characters."
            )
        if self.session_id is not None and self.choices > 1:
            raise ParameterError(
                "n", "With 'metadata.session_id', 'n' must be 1: a session has one answer to a message."
            )

    @property
    def choices(self) -> int:
        """The number of answers."""
        return self.n or 1

    @property
    def session_id(self) -> str | None:
        """The session that the client names, if any."""
        session = (self.metadata or {}).get("session_id")
        return session if isinstance(session, str) and session else None

    @property
    def includes_usage(self) -> bool:
        """Whether a stream ends with the usage."""
        return self.stream_options is not None and self.stream_options.include_usage

    def file_ids(self) -> Iterator[str]:
        """Yield the ids of uploaded files in the messages."""
        for message in self.messages:
            for part in message.content if isinstance(message.content, list) else ():
                yield from part.file_ids()

    def flow_input(self, paths: FilePaths) -> FlowInput:
        """Return the input of the flow and the options of its models.

        Raises:
            ParameterError: A parameter is not valid.

        """
        messages = [_to_turn(message, paths, f"messages[{n}]") for n, message in enumerate(self.messages)]
        conversation = split_conversation(messages, "messages")
        tools = tuple(_tool(tool, f"tools[{n}]") for n, tool in enumerate(self.tools or ()))
        is_older_name = self.max_tokens is not None
        options = ModelOptions(
            instructions=conversation.instructions,
            turns=conversation.turns,
            attachments=conversation.attachments,
            temperature=self.temperature,
            top_p=self.top_p,
            max_output_tokens=self.max_tokens or self.max_completion_tokens,
            stop=(self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ()),
            seed=self.seed,
            # Zero is the default of the API.
            presence_penalty=self.presence_penalty or None,
            frequency_penalty=self.frequency_penalty or None,
            reasoning_effort=self.reasoning_effort,
            response_format=response_format(_flat_format(self.response_format), "response_format"),
            tools=tools,
            tool_choice=tool_choice(self.tool_choice, has_tools=bool(tools)),
            parallel_tool_calls=self.parallel_tool_calls if tools else None,
        )
        parameters = {
            "instructions": "messages",
            "turns": "messages",
            "attachments": "messages",
            "max_output_tokens": "max_tokens" if is_older_name else "max_completion_tokens",
        }
        return FlowInput(conversation.text, options, parameters)


def _to_turn(message: ChatMessage, paths: FilePaths, parameter: str) -> Turn | SystemMessage:
    content = f"{parameter}.content"
    if is_system_role(message.role):
        return SystemMessage(to_text(message.content, content))
    match message.role:
        case "user":
            return Turn("user", to_parts(message.content, paths, content))
        case "assistant":
            calls = tuple(ToolCall(c.id, c.function.name, c.function.arguments) for c in message.tool_calls or ())
            return Turn("assistant", to_parts(message.content or message.refusal, {}, content), calls)
        case "tool":
            if message.tool_call_id is None:
                name = f"{parameter}.tool_call_id"
                raise ParameterError(name, f"Missing required parameter: '{name}'.", "missing_required_parameter")
            return Turn("tool", to_parts(message.content, {}, content), tool_call_id=message.tool_call_id)
        case _:
            raise ParameterError(
                f"{parameter}.role",
                f"Invalid value for '{parameter}.role': {message.role!r}. Use system, developer, user, assistant or tool.",
            )


def _tool(tool: dict[str, Any], parameter: str) -> ClientTool:
    check_tool_type(tool.get("type"), parameter)
    function = tool.get("function")
    if not isinstance(function, dict):
        raise ParameterError(f"{parameter}.function", f"Missing required parameter: '{parameter}.function'.")
    return client_tool(function, f"{parameter}.function")


def _flat_format(form: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a format with the fields of its schema next to its type, as in the Responses API."""
    if form is None or form.get("type") != "json_schema":
        return form
    schema = form.get("json_schema")
    if not isinstance(schema, dict):
        raise ParameterError(
            "response_format.json_schema", "'response_format.json_schema' must be an object with a name and a schema."
        )
    return {**schema, "type": "json_schema"}
