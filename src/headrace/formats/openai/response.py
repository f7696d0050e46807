"""Runs as responses, complete or streamed.

Source: OpenAI's API reference of `POST /responses`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from headrace.errors import HeadraceError
from headrace.formats.openai.errors import response_error
from headrace.formats.openai.event_lines import HEARTBEAT
from headrace.formats.openai.outcome import Outcome
from headrace.formats.openai.response_events import RESPONSE_PREFIX, ResponseEvents
from headrace.formats.tool_calls import ToolCallRecord

if TYPE_CHECKING:
    from headrace.formats.openai.pieces import Piece
    from headrace.formats.openai.response_request import ResponseRequest

#: The reasons of a model for an incomplete answer, by its finish reason.
_INCOMPLETE_REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}

Save = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Response:
    """A response in OpenAI's format."""

    def __init__(self, request: ResponseRequest, response_id: str | None = None, created: int | None = None) -> None:
        """Create a response to a request.

        Args:
            request: the request, whose parameters the response repeats.
            response_id: the id of the response; by default a new one.
            created: the time of the request, in seconds since 1970; by default now.

        """
        self.id = response_id or f"{RESPONSE_PREFIX}{uuid4().hex}"
        self.created = created or int(time.time())
        self._request = request

    def body(self, status: str, output: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
        """Return the response with a status and the output so far."""
        request = self._request
        text = {"format": {"type": "text"}, **(request.text or {})}
        conversation = request.conversation_id
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "background": bool(request.background),
            "conversation": {"id": conversation} if conversation is not None else None,
            "error": None,
            "incomplete_details": None,
            "instructions": request.instructions,
            "max_output_tokens": request.max_output_tokens,
            "model": request.model,
            "output": output or [],
            "parallel_tool_calls": request.parallel_tool_calls is not False,
            "previous_response_id": request.previous_response_id,
            "reasoning": {"effort": None, "summary": None, **(request.reasoning or {})},
            "store": request.is_stored,
            "temperature": 1.0 if request.temperature is None else request.temperature,
            "text": text,
            "tool_choice": request.tool_choice or "auto",
            "tools": [{"strict": None, "parameters": None, **tool} for tool in request.tools or ()],
            "top_p": 1.0 if request.top_p is None else request.top_p,
            "truncation": "disabled",
            "usage": None,
            "user": None,
            "metadata": request.metadata or {},
            **more,
        }

    def completed(self, outcome: Outcome, output: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """Return the response of a run that has ended, by default with the output of its outcome."""
        reason = _INCOMPLETE_REASONS.get(outcome.finish_reason)
        return self.body(
            "completed" if reason is None else "incomplete",
            output_items(outcome, self.id) if output is None else output,
            incomplete_details=None if reason is None else {"reason": reason},
            usage=usage_body(outcome),
        )

    def failed(self, error: HeadraceError, output: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """Return the response of a run that failed."""
        return self.body("failed", output, error=response_error(error))

    async def events(self, pieces: AsyncIterator[Piece], save: Save) -> AsyncIterator[bytes]:
        """Yield the response as a stream of typed events.

        Args:
            pieces: the pieces of the run.
            save: stores the response before its last event is sent, and returns it.

        """
        stream = ResponseEvents(self.id)
        yield stream.event("response.created", response=self.body("in_progress"))
        yield stream.event("response.in_progress", response=self.body("in_progress"))
        outcome = Outcome()
        async for piece in pieces:
            if piece is None:
                yield HEARTBEAT
            elif isinstance(piece, HeadraceError):
                failed = await save(self.failed(piece, stream.items()))
                yield stream.event("response.failed", response=failed)
                return
            elif isinstance(piece, ToolCallRecord):
                for event in stream.flow_call(piece):
                    yield event
            elif isinstance(piece, Outcome):
                outcome = piece
            elif piece:
                for event in stream.text(piece):
                    yield event
        for event in stream.end(outcome):
            yield event
        ended = await save(self.completed(outcome, stream.items()))
        yield stream.event(f"response.{ended['status']}", response=ended)


def output_items(outcome: Outcome, response_id: str) -> list[dict[str, Any]]:
    """Return the items of an outcome: the calls of the flow's tools, the message, the calls of the client's tools."""
    events = ResponseEvents(response_id)
    for call in outcome.flow_calls:
        list(events.flow_call(call))
    if outcome.text:
        list(events.text(outcome.text))
    list(events.end(outcome))
    return events.items()


def usage_body(outcome: Outcome) -> dict[str, Any]:
    """Return the usage of a run."""
    usage = outcome.usage
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }
