"""A response's items, told event by event to OpenAI's SDK.

Source: the API reference of OpenAI for `/v1/responses`, streaming events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from headrace.runs.tool_uses import ToolUse


class Telling:
    """The items of one response, told event by event as OpenAI's SDK reads them: the tools that were used, and one message."""

    def __init__(self, response_id: str) -> None:
        self._id = response_id
        self._number = -1
        self._items: list[dict[str, Any]] = []
        self._said: list[str] = []
        self._where: dict[str, Any] | None = None

    def event(self, kind: str, **more: Any) -> bytes:
        """Return an event with the next number."""
        self._number += 1
        body = orjson.dumps({"type": kind, "sequence_number": self._number, **more})
        return b"event: " + kind.encode() + b"\ndata: " + body + b"\n\n"

    def items(self) -> list[dict[str, Any]]:
        """Return the items so far."""
        return self._items

    def tool(self, use: ToolUse) -> Iterator[bytes]:
        """Yield the events of a tool's use."""
        index = len(self._items)
        item = use.function_call(self._id, index + 1)
        self._items.append(item)
        where = {"item_id": item["id"], "output_index": index}
        yield self.event(
            "response.output_item.added", output_index=index, item={**item, "arguments": "", "status": "in_progress"}
        )
        yield self.event("response.function_call_arguments.delta", **where, delta=item["arguments"])
        yield self.event(
            "response.function_call_arguments.done", **where, name=item["name"], arguments=item["arguments"]
        )
        yield self.event("response.output_item.done", output_index=index, item=item)

    def text(self, piece: str) -> Iterator[bytes]:
        """Yield the events of a piece of the message, which begins with the first."""
        if self._where is None:
            yield from self._begin()
        self._said.append(piece)
        yield self.event("response.output_text.delta", **(self._where or {}), delta=piece, logprobs=[])

    def _begin(self) -> Iterator[bytes]:
        index = len(self._items)
        self._where = {"item_id": f"msg_{self._id}", "output_index": index, "content_index": 0}
        item = {"type": "message", "id": f"msg_{self._id}", "status": "in_progress", "role": "assistant", "content": []}
        self._items.append(item)
        yield self.event("response.output_item.added", output_index=index, item=item)
        yield self.event("response.content_part.added", **self._where, part=_text_part(""))

    def end(self) -> Iterator[bytes]:
        """Yield the events of the message's end; a flow that said nothing said an empty text."""
        if self._where is None:
            yield from self._begin()
        where, text = self._where or {}, "".join(self._said)
        index = where["output_index"]
        item = {**self._items[index], "status": "completed", "content": [_text_part(text)]}
        self._items[index] = item
        yield self.event("response.output_text.done", **where, text=text, logprobs=[])
        yield self.event("response.content_part.done", **where, part=_text_part(text))
        yield self.event("response.output_item.done", output_index=index, item=item)


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": []}
