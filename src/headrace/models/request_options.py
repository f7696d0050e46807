"""The options with which a caller asks for an answer of a flow's model, such as a client of the OpenAI API.

They apply to the model that writes the flow's answer (see `runs.answering_models`), not to other models in the flow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from headrace.errors import BadRequestError
from headrace.models.content import Part, Turn

#: How the model chooses among the tools: by itself, none, at least one, or the one with the name.
ToolChoiceMode = Literal["auto", "none", "required"]


class UnsupportedOptionError(BadRequestError):
    """The flow, its model or its provider cannot honour an option of the caller."""

    def __init__(self, option: str, message: str) -> None:
        """Create the error.

        Args:
            option: the name of the field of `ModelOptions`.
            message: the problem and the remedy.

        """
        super().__init__(message)
        self.option = option


@dataclass(frozen=True, slots=True)
class ClientTool:
    """A function that the caller executes when the model calls it.

    Attributes:
        parameters: the JSON schema of the arguments; an object.
        strict: whether the arguments follow the schema exactly; None for the provider's default.

    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class NamedTool:
    """The tool that the model must call."""

    name: str


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """The form of the answer.

    Attributes:
        kind: `text`, any `json_object`, or an object that follows a `json_schema`.
        schema: the JSON schema; for the kind `json_schema`.
        name: the name of the schema.
        description: the purpose of the schema.
        strict: whether the answer follows the schema exactly; None for the provider's default.

    """

    kind: Literal["text", "json_object", "json_schema"] = "text"
    schema: Mapping[str, Any] | None = None
    name: str = ""
    description: str = ""
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """The options of a caller. A field with its default leaves the choice to the flow.

    Attributes:
        instructions: text for the system message, after the flow's own; system messages of the caller belong here.
        turns: the earlier messages, oldest first, without the current one, which is the run's `input_value`. If they are set, they
            replace the session's history that an agent reads on its own. If the last turn is the result of a tool call, the
            model continues the conversation and ignores the run's input.
        attachments: images and files of the current message. They are not stored; `RunRequest.files` names stored files.
        reasoning_effort: such as `low`, `medium` or `high`.
        tools: functions that the caller executes. If the model calls one, the run ends with its calls as the answer.
        tool_choice: how the model chooses among the caller's tools and those of an agent.

    """

    instructions: str = ""
    turns: tuple[Turn, ...] = ()
    attachments: tuple[Part, ...] = ()
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    reasoning_effort: str | None = None
    response_format: ResponseFormat | None = None
    tools: tuple[ClientTool, ...] = ()
    tool_choice: ToolChoiceMode | NamedTool | None = None
    parallel_tool_calls: bool | None = None

    @property
    def continues_turns(self) -> bool:
        """Whether the last turn is the result of a tool call, which the model answers next."""
        return bool(self.turns) and self.turns[-1].role == "tool"

    def requested(self) -> frozenset[str]:
        """Return the names of the options that the caller has set."""
        names = {f.name for f in fields(self) if getattr(self, f.name) not in _UNSET}
        if self.response_format is not None and self.response_format.kind == "text":
            names.discard("response_format")
        return frozenset(names)

    @property
    def parts(self) -> Iterator[Part]:
        """The parts of all messages."""
        for turn in self.turns:
            yield from turn.parts
        yield from self.attachments


#: The values of options that the caller has not set.
_UNSET: tuple[object, ...] = (None, "", ())
#: The names of all options.
ALL_OPTIONS = frozenset(f.name for f in fields(ModelOptions))
#: The kinds of content besides text.
ALL_MEDIA = frozenset({"image", "file", "audio"})
#: The forms of answers besides text.
ALL_RESPONSE_FORMATS = frozenset({"json_object", "json_schema"})
