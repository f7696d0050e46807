"""The request of a response.

Source: OpenAI's API reference of `POST /responses`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from headrace.formats.openai.content_parts import FilePaths
from headrace.formats.openai.errors import ParameterError, UnsupportedParameterError
from headrace.formats.openai.flow_input import (
    FlowInput,
    SystemMessage,
    check_tool_type,
    client_tool,
    response_format,
    split_conversation,
    tool_choice,
)
from headrace.formats.openai.parameters import RESPONSE_PARAMETERS, check_parameters
from headrace.formats.openai.request_limits import MAX_LIST_ITEMS, MAX_TOOLS, JsonMap
from headrace.formats.openai.response_items import ITEM_REFERENCE, InputItem, stored_item, to_turns
from headrace.models.content import Turn
from headrace.models.request_options import ModelOptions

#: The limits of `metadata`.
MAX_METADATA_KEYS = 16
MAX_METADATA_KEY_CHARACTERS = 64
MAX_METADATA_CHARACTERS = 512

Metadata = Annotated[
    dict[
        Annotated[str, Field(max_length=MAX_METADATA_KEY_CHARACTERS)],
        Annotated[str, Field(max_length=MAX_METADATA_CHARACTERS)],
    ],
    Field(max_length=MAX_METADATA_KEYS),
]

#: Values of `include` for items that flows do not return, or that are always complete.
_ACCEPTED_INCLUDES = frozenset(
    {
        "code_interpreter_call.outputs",
        "computer_call_output.output.image_url",
        "file_search_call.results",
        "message.input_image.image_url",
        "reasoning.encrypted_content",
        "tool_call.results",
        "web_search_call.action.sources",
        "web_search_call.results",
    }
)


class ConversationReference(BaseModel):
    """A conversation by its id."""

    id: str = Field(max_length=64)


class ResponseRequest(BaseModel):
    """A request to run a flow and return its output as a response."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(max_length=1024, description="The flow's id or endpoint name.")
    input: str | Annotated[list[InputItem], Field(max_length=MAX_LIST_ITEMS, fail_fast=True)] = Field(
        description="A text, or items. The last user message is the input of the flow."
    )
    instructions: str | None = None
    stream: bool | None = Field(default=None, description="Whether to return the response as a stream of events.")
    background: bool | None = Field(default=None, description="Whether to return at once and run the flow later.")
    store: bool | None = Field(
        default=None, description="Whether the response can be retrieved later; by default, yes."
    )
    previous_response_id: Annotated[str, Field(max_length=1024)] | None = Field(
        default=None, description="The id of the response that this request continues."
    )
    conversation: Annotated[str, Field(max_length=64)] | ConversationReference | None = None
    include: Annotated[list[str], Field(max_length=1000, fail_fast=True)] | None = None
    metadata: Metadata | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None
    text: JsonMap | None = None
    reasoning: JsonMap | None = None
    tools: Annotated[list[JsonMap], Field(max_length=MAX_TOOLS, fail_fast=True)] | None = None
    tool_choice: str | JsonMap | None = None
    parallel_tool_calls: bool | None = None

    def check(self) -> None:
        """Check the parameters that the server refuses, and those that contradict each other.

        Raises:
            ParameterError: A parameter is unknown, refused, or contradicts another.

        """
        check_parameters(self.model_extra or {}, RESPONSE_PARAMETERS)
        for n, value in enumerate(self.include or ()):
            if value not in _ACCEPTED_INCLUDES:
                raise UnsupportedParameterError(f"include[{n}]", f"The server has no {value!r}.")
        for name, value in (self.text or {}).items():
            if name == "verbosity" and value not in (None, "medium"):
                raise UnsupportedParameterError("text.verbosity", "Say it in the prompt.")
            if name not in {"format", "verbosity"}:
                raise ParameterError(f"text.{name}", f"Unknown parameter: 'text.{name}'.", "unknown_parameter")
        effort = (self.reasoning or {}).get("effort")
        if effort is not None and not isinstance(effort, str):
            raise ParameterError("reasoning.effort", "'reasoning.effort' must be a text.")
        for name, value in (self.reasoning or {}).items():
            if name != "effort" and value is not None:
                raise UnsupportedParameterError(f"reasoning.{name}", "Flows return no reasoning.")
        if self.conversation is not None and self.previous_response_id is not None:
            raise ParameterError("conversation", "Send 'conversation' or 'previous_response_id', not both.")
        if self.background and self.stream:
            raise UnsupportedParameterError(
                "background", "A background response cannot be streamed. Retrieve it later."
            )
        if self.background and self.store is False:
            raise ParameterError("background", "A background response must be stored. Omit 'store'.")

    @property
    def conversation_id(self) -> str | None:
        """The id of the conversation, if any."""
        return self.conversation.id if isinstance(self.conversation, ConversationReference) else self.conversation

    @property
    def is_stored(self) -> bool:
        """Whether the response is stored."""
        return self.store is not False

    def file_ids(self) -> Iterator[str]:
        """Yield the ids of uploaded files in the input."""
        for item in self.input if isinstance(self.input, list) else ():
            yield from item.file_ids()

    def item_references(self) -> dict[int, str]:
        """Return the positions of references to items, with the ids of the items."""
        items = self.input if isinstance(self.input, list) else []
        return {n: item.id or "" for n, item in enumerate(items) if item.type == ITEM_REFERENCE}

    def with_items(self, items: Mapping[int, InputItem]) -> ResponseRequest:
        """Return the request with items in place of those at these positions."""
        own = self.input if isinstance(self.input, list) else []
        return self.model_copy(update={"input": [items.get(n, item) for n, item in enumerate(own)]})

    def input_items(self) -> list[dict[str, Any]]:
        """Return the input as stored items."""
        if isinstance(self.input, str):
            return [stored_item({"role": "user", "content": self.input})]
        return [stored_item(item.model_dump(exclude_unset=True, exclude_none=True)) for item in self.input]

    def flow_input(self, paths: FilePaths, earlier: Sequence[Turn | SystemMessage] = ()) -> FlowInput:
        """Return the input of the flow and the options of its models.

        Args:
            paths: the paths of the uploaded files.
            earlier: the turns of the conversation before this request.

        Raises:
            ParameterError: A parameter is not valid.

        """
        items = [InputItem(content=self.input)] if isinstance(self.input, str) else self.input
        messages: list[Turn | SystemMessage] = [*earlier]
        for n, item in enumerate(items):
            messages += to_turns(item, paths, f"input[{n}]")
        conversation = split_conversation(messages, "input")
        tools = []
        for n, tool in enumerate(self.tools or ()):
            check_tool_type(tool.get("type"), f"tools[{n}]")
            tools.append(client_tool(tool, f"tools[{n}]"))
        options = ModelOptions(
            instructions="\n\n".join(filter(None, (self.instructions, conversation.instructions))),
            turns=conversation.turns,
            attachments=conversation.attachments,
            temperature=self.temperature,
            top_p=self.top_p,
            max_output_tokens=self.max_output_tokens,
            reasoning_effort=(self.reasoning or {}).get("effort"),
            response_format=response_format((self.text or {}).get("format"), "text.format"),
            tools=tuple(tools),
            tool_choice=tool_choice(self.tool_choice, has_tools=bool(tools)),
            parallel_tool_calls=self.parallel_tool_calls if tools else None,
        )
        parameters = {
            "instructions": "instructions" if self.instructions else "input",
            "turns": "input",
            "attachments": "input",
            "response_format": "text.format",
            "reasoning_effort": "reasoning.effort",
        }
        return FlowInput(conversation.text, options, parameters)


def turns_of_items(items: Sequence[InputItem], paths: FilePaths) -> list[Turn | SystemMessage]:
    """Return the messages of stored items."""
    return [turn for n, item in enumerate(items) for turn in to_turns(item, paths, f"input[{n}]")]
