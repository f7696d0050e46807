"""The messages of a conversation as plain data, in no provider's format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headrace.models.openai_chat.completion import ToolCall

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """A text."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image.

    Attributes:
        url: a data URL with base64 (`data:image/png;base64,...`), which reaches the provider unchanged, or an https URL, which the
            provider fetches, and whose host the egress guard checks before.
        detail: the resolution with which the model reads it: `low`, `high` or `auto`; empty for the provider's default.

    """

    url: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file, such as a PDF or a text file.

    Attributes:
        name: the file's name with its extension.
        url: a data URL with base64.

    """

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class AudioPart:
    """A recording.

    Attributes:
        data: the recording in base64.
        format: `wav` or `mp3`.

    """

    data: str
    format: str


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A file of the flow's owner in the storage: an image or another file, by its name.

    Attributes:
        path: the path as the file APIs return it.

    """

    path: str


Part = TextPart | ImagePart | FilePart | AudioPart | StoredPart


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of a conversation.

    Attributes:
        role: its author. `tool` is the result of a tool call.
        parts: its content, in order. The parts of an `assistant` or `tool` turn are texts.
        tool_calls: the calls of an `assistant` turn.
        tool_call_id: the id of the call whose result a `tool` turn is.

    """

    role: Role
    parts: tuple[Part, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
