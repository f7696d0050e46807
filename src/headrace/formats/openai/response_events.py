"""The events of a streamed response.

Source: OpenAI's API reference of `POST /responses`, streaming events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from headrace.formats.openai.outcome import Outcome
    from headrace.formats.tool_calls import ToolCallRecord
    from headrace.models.openai_chat.completion import ToolCall

#: The prefix of the ids of responses. Ids without it are sessions.
RESPONSE_PREFIX = "resp_"


def response_of_item(item_id: str) -> str:
    """Return the id of the response that an output item with this id is in, if there is one."""
    parts = item_id.split("_")
    return f"{RESPONSE_PREFIX}{parts[1]}" if len(parts) == 3 else ""


class ResponseEvents:
    """Encodes the events of one response: the calls of the flow's tools, one message, and the calls of the client's."""

    def __init__(self, response_id: str) -> None:
        """Encode the events of a response, whose id is part of the ids of its items."""
        self._token = response_id.removeprefix(RESPONSE_PREFIX)
        self._number = -1
        self._items: list[dict[str, Any]] = []
        self._texts: list[str] = []
        self._message_index: int | None = None

    def event(self, kind: str, **more: Any) -> bytes:
        """Return an encoded event with the next sequence number."""
        self._number += 1
        body = orjson.dumps({"type": kind, "sequence_number": self._number, **more})
        return b"event: " + kind.encode() + b"\ndata: " + body + b"\n\n"

    def items(self) -> list[dict[str, Any]]:
        """Return the response's items so far. A message that has not ended is incomplete."""
        index = self._message_index
        if index is None or self._items[index]["status"] == "completed":
            return self._items
        message = {**self._items[index], "status": "incomplete", "content": [_text_part("".join(self._texts))]}
        return [*self._items[:index], message, *self._items[index + 1 :]]

    def flow_call(self, call: ToolCallRecord) -> Iterator[bytes]:
        """Yield the events of a call of the flow's tools, which the server has made."""
        item = call.mcp_call(self._next_id("mcp"))
        index = self._add(item)
        position = {"item_id": item["id"], "output_index": index}
        started = {**item, "arguments": "", "output": None, "status": "in_progress"}
        yield self.event("response.output_item.added", output_index=index, item=started)
        yield self.event("response.mcp_call.in_progress", **position)
        yield self.event("response.mcp_call_arguments.delta", **position, delta=item["arguments"])
        yield self.event("response.mcp_call_arguments.done", **position, arguments=item["arguments"])
        yield self.event("response.mcp_call.completed", **position)
        yield self.event("response.output_item.done", output_index=index, item=item)

    def text(self, piece: str) -> Iterator[bytes]:
        """Yield the events of a piece of the message; the first piece starts the message."""
        if self._message_index is None:
            yield from self._start_message()
            yield self.event("response.content_part.added", **self._position(), part=_text_part(""))
        self._texts.append(piece)
        yield self.event("response.output_text.delta", **self._position(), delta=piece, logprobs=[])

    def end(self, outcome: Outcome) -> Iterator[bytes]:
        """Yield the events of the end: that of the message, a refusal, and the calls of the client's tools."""
        if outcome.text and not self._texts:
            yield from self.text(outcome.text)
        if self._message_index is not None:
            yield from self._end_text()
        elif outcome.refusal:
            yield from self._refusal(outcome.refusal)
        elif not outcome.client_calls:
            # An answer without text and calls is an empty message.
            yield from self.text("")
            yield from self._end_text()
        for call in outcome.client_calls:
            yield from self._client_call(call)

    def _next_id(self, prefix: str) -> str:
        return f"{prefix}_{self._token}_{len(self._items)}"

    def _add(self, item: dict[str, Any]) -> int:
        self._items.append(item)
        return len(self._items) - 1

    def _position(self) -> dict[str, Any]:
        index = self._message_index or 0
        return {"item_id": self._items[index]["id"], "output_index": index, "content_index": 0}

    def _start_message(self) -> Iterator[bytes]:
        item = {
            "type": "message",
            "id": self._next_id("msg"),
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }
        self._message_index = self._add(item)
        yield self.event("response.output_item.added", output_index=self._message_index, item=item)

    def _end_text(self) -> Iterator[bytes]:
        text = "".join(self._texts)
        yield self.event("response.output_text.done", **self._position(), text=text, logprobs=[])
        yield from self._end_message(_text_part(text))

    def _refusal(self, refusal: str) -> Iterator[bytes]:
        yield from self._start_message()
        part = {"type": "refusal", "refusal": refusal}
        yield self.event("response.content_part.added", **self._position(), part={**part, "refusal": ""})
        yield self.event("response.refusal.delta", **self._position(), delta=refusal)
        yield self.event("response.refusal.done", **self._position(), refusal=refusal)
        yield from self._end_message(part)

    def _end_message(self, part: dict[str, Any]) -> Iterator[bytes]:
        index = self._message_index or 0
        item = {**self._items[index], "status": "completed", "content": [part]}
        yield self.event("response.content_part.done", **self._position(), part=part)
        self._items[index] = item
        yield self.event("response.output_item.done", output_index=index, item=item)

    def _client_call(self, call: ToolCall) -> Iterator[bytes]:
        item = {
            "type": "function_call",
            "id": self._next_id("fc"),
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
            "status": "completed",
        }
        index = self._add(item)
        position = {"item_id": item["id"], "output_index": index}
        started = {**item, "arguments": "", "status": "in_progress"}
        yield self.event("response.output_item.added", output_index=index, item=started)
        yield self.event("response.function_call_arguments.delta", **position, delta=call.arguments)
        yield self.event("response.function_call_arguments.done", **position, name=call.name, arguments=call.arguments)
        yield self.event("response.output_item.done", output_index=index, item=item)


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
