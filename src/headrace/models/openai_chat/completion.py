"""A model's answer as plain data: complete, or in the parts of a stream."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: The memory of a text in a list beside the text, and of a part of a tool call beside its arguments, in bytes.
REFERENCE_BYTES = 8
CALL_BYTES = 200


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call. `arguments` is the model's JSON text, which may be invalid."""

    id: str
    name: str
    arguments: str

    def to_wire(self) -> dict[str, Any]:
        """Return the call in the format of OpenAI's protocol."""
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A part of the tool call at `index`. The complete `arguments` are the concatenation of all parts."""

    index: int
    id: str | None
    name: str | None
    arguments: str


@dataclass(slots=True)
class CompletionDelta:
    """One part of a streamed answer."""

    text: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    reasoning: str = ""
    refusal: str = ""

    @property
    def size(self) -> int:
        """The memory that the part takes, in bytes."""
        texts = (self.text, self.reasoning, self.refusal)
        size = sum(sys.getsizeof(text) + REFERENCE_BYTES for text in texts if text)
        if self.tool_calls:
            size += sum(CALL_BYTES + sys.getsizeof(call.arguments) for call in self.tool_calls)
        return size


@dataclass(slots=True)
class Completion:
    """A complete answer.

    Attributes:
        finish_reason: `stop`, `length`, `tool_calls`, `content_filter`, or what the server calls it.
        usage: the token counts in the server's form, or None.
        reasoning: the reasoning that the server shows, as DeepSeek's and other servers do.
        original: the message of the client that the answer was converted from, or None.

    """

    id: str = ""
    model: str = ""
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = ""
    usage: Mapping[str, Any] | None = None
    reasoning: str = ""
    refusal: str = ""
    system_fingerprint: str = ""
    original: Any = None

    def as_delta(self) -> CompletionDelta:
        """Return the answer as the only part of a stream."""
        calls = tuple(ToolCallDelta(n, call.id, call.name, call.arguments) for n, call in enumerate(self.tool_calls))
        return CompletionDelta(self.text, calls, self.reasoning, self.refusal)


@dataclass(slots=True)
class CompletionBuilder:
    """Builds a completion from the parts of a stream."""

    completion: Completion = field(default_factory=Completion)
    _text: list[str] = field(default_factory=list)
    _reasoning: list[str] = field(default_factory=list)
    _refusal: list[str] = field(default_factory=list)
    _calls: dict[int, list[ToolCallDelta]] = field(default_factory=dict)

    def add(self, delta: CompletionDelta) -> None:
        """Add the next part."""
        if delta.text:
            self._text.append(delta.text)
        if delta.reasoning:
            self._reasoning.append(delta.reasoning)
        if delta.refusal:
            self._refusal.append(delta.refusal)
        for call in delta.tool_calls:
            self._calls.setdefault(call.index, []).append(call)

    def build(self) -> Completion:
        """Return the completion of all parts so far."""
        whole = self.completion
        whole.text = "".join(self._text)
        whole.reasoning = "".join(self._reasoning)
        whole.refusal = "".join(self._refusal)
        whole.tool_calls = tuple(_join(parts) for _, parts in sorted(self._calls.items()))
        return whole


def _join(parts: list[ToolCallDelta]) -> ToolCall:
    return ToolCall(
        id=next((p.id for p in parts if p.id), ""),
        name="".join(p.name for p in parts if p.name),
        arguments="".join(p.arguments for p in parts),
    )
