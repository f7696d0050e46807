"""Runs as responses for clients of Langflow, which has an endpoint `responses` with a format of its own.

Source: recorded exchanges with Langflow 1.7.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from headrace.errors import HeadraceError
from headrace.formats.openai.errors import envelope
from headrace.formats.openai.event_lines import DONE, HEARTBEAT, data_line
from headrace.formats.tool_calls import ToolCallRecord

if TYPE_CHECKING:
    from headrace.formats.openai.outcome import Outcome
    from headrace.formats.openai.pieces import Piece

#: The `code` of an error in a run.
PROCESSING_ERROR = "processing_error"


class LangflowResponse:
    """A response for a client of Langflow. Its id is also the id of its session."""

    def __init__(self, session_id: str, model: str, previous: str | None) -> None:
        self.id = session_id
        self.model = model
        self.previous = previous
        self.created = int(time.time())

    def body(self, outcome: Outcome, *, with_results: bool) -> dict[str, Any]:
        """Return the complete response: the tool calls of the flow, then the text.

        Args:
            outcome: the outcome of the run.
            with_results: whether tool calls contain the outputs of the tools.

        """
        items = [call.item(n, with_results=with_results) for n, call in enumerate(outcome.flow_calls, 1)]
        message = {
            "type": "message",
            "id": f"msg_{self.id}",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": outcome.text, "annotations": []}],
        }
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": "completed",
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "max_output_tokens": None,
            "model": self.model,
            "output": [*items, message],
            "parallel_tool_calls": True,
            "previous_response_id": self.previous,
            "reasoning": {"effort": None, "summary": None},
            "store": True,
            "temperature": 1.0,
            "text": {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": None,
            "user": None,
            "metadata": {},
        }

    async def chunks(self, pieces: AsyncIterator[Piece], *, with_results: bool = False) -> AsyncIterator[bytes]:
        """Yield the response as a stream of chunks."""
        base = {"id": self.id, "object": "response.chunk", "created": self.created, "model": self.model}
        call_count = 0
        async for piece in pieces:
            if piece is None:
                yield HEARTBEAT
            elif isinstance(piece, HeadraceError):
                yield data_line({**base, **envelope(piece.message, code=PROCESSING_ERROR), "status": "failed"})
                break
            elif isinstance(piece, ToolCallRecord):
                call_count += 1
                item = piece.item(call_count, with_results=with_results)
                done = {"type": "response.output_item.done", "item": item}
                yield b"event: response.output_item.done\n" + data_line(done)
            elif isinstance(piece, str):
                yield data_line({**base, "delta": {"content": piece}, "status": None})
        else:
            yield data_line({**base, "delta": {}, "status": "completed"})
        yield DONE
