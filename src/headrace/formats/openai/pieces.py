"""The text and tool calls of a streamed run, in the order in which clients receive them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

from headrace.errors import HeadraceError
from headrace.formats.openai.outcome import Outcome, outcome_of
from headrace.formats.tool_calls import ToolCallRecord, finished_tool_calls
from headrace.graph.events import Event, MessageEmitted, TokenEmitted
from headrace.graph.result import RunResult
from headrace.schema.message import SENDER_AI

#: A text, a tool call of the flow, the outcome at the end of a run, the error that ended it, or None for a heartbeat.
Piece = str | ToolCallRecord | Outcome | HeadraceError | None


async def stream_pieces(items: AsyncIterator[Event | RunResult | HeadraceError | None]) -> AsyncIterator[Piece]:
    """Yield the text and tool calls of a streamed run, None for each heartbeat, then the outcome or the error."""
    streamed_ids: set[str] = set()
    sent_calls: Counter[str] = Counter()
    async for item in items:
        if item is None or isinstance(item, HeadraceError):
            yield item
            continue
        if isinstance(item, RunResult):
            yield outcome_of(item)
            continue
        if isinstance(item, MessageEmitted) and item.message.sender == SENDER_AI:
            calls, key = finished_tool_calls(item.message.content_blocks), item.message.id or ""
            for call in calls[sent_calls[key] :]:
                yield call
            sent_calls[key] = len(calls)
        piece = _text_piece(item, streamed_ids)
        if piece is not None:
            yield piece


def _text_piece(item: Event, streamed_ids: set[str]) -> str | None:
    if isinstance(item, TokenEmitted):
        streamed_ids.add(item.message_id)
        return item.chunk
    if isinstance(item, MessageEmitted) and item.message.sender == SENDER_AI:
        is_unstreamed = item.message.properties.state == "complete" and item.message.id not in streamed_ids
        return item.message.text if is_unstreamed else None
    return None
