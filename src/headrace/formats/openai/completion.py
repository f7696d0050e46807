"""Runs as chat completions, complete or streamed.

Source: OpenAI's API reference of `POST /chat/completions`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from headrace.errors import HeadraceError
from headrace.formats.openai.errors import envelope_of
from headrace.formats.openai.event_lines import DONE, HEARTBEAT, data_line
from headrace.formats.openai.outcome import Outcome
from headrace.schema.token_usage import TokenUsage

if TYPE_CHECKING:
    from headrace.formats.openai.pieces import Piece


class Completion:
    """A chat completion in OpenAI's format."""

    def __init__(self, model: str) -> None:
        self.id = f"chatcmpl-{uuid4().hex}"
        self.model = model
        self.created = int(time.time())

    def body(self, outcomes: Sequence[Outcome]) -> dict[str, Any]:
        """Return the complete chat completion, with a choice for each outcome."""
        choices = [_choice(index, outcome) for index, outcome in enumerate(outcomes)]
        return {**self._base("chat.completion"), "choices": choices, "usage": usage_body(outcomes)}

    async def chunks(
        self, runs: Sequence[AsyncIterator[Piece]], *, include_usage: bool = False
    ) -> AsyncIterator[bytes]:
        """Yield the chat completion as a stream of chunks, one choice after the other.

        Args:
            runs: the pieces of each run.
            include_usage: whether a last chunk contains the usage.

        """
        outcomes: list[Outcome] = []
        for index, pieces in enumerate(runs):
            yield self._chunk(index, {"role": "assistant", "content": ""})
            outcome, has_text = Outcome(), False
            async for piece in pieces:
                if piece is None:
                    yield HEARTBEAT
                elif isinstance(piece, HeadraceError):
                    yield data_line(envelope_of(piece))
                    yield DONE
                    return
                elif isinstance(piece, Outcome):
                    outcome = piece
                elif isinstance(piece, str) and piece:
                    has_text = True
                    yield self._chunk(index, {"content": piece})
            outcomes.append(outcome)
            for delta in _last_deltas(outcome, has_text=has_text):
                yield self._chunk(index, delta)
            yield self._chunk(index, {}, outcome.finish_reason)
        if include_usage:
            yield data_line({**self._base("chat.completion.chunk"), "choices": [], "usage": usage_body(outcomes)})
        yield DONE

    def _chunk(self, index: int, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return data_line({**self._base("chat.completion.chunk"), "choices": [choice]})

    def _base(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def _choice(index: int, outcome: Outcome) -> dict[str, Any]:
    # The text of an answer that consists of calls is null.
    has_no_text = not outcome.text and bool(outcome.client_calls or outcome.refusal)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if has_no_text else outcome.text,
        "refusal": outcome.refusal or None,
    }
    if outcome.client_calls:
        message["tool_calls"] = [call.to_wire() for call in outcome.client_calls]
    return {"index": index, "message": message, "logprobs": None, "finish_reason": outcome.finish_reason}


def _last_deltas(outcome: Outcome, *, has_text: bool) -> list[dict[str, Any]]:
    """Return the deltas of what a run returns at its end."""
    deltas: list[dict[str, Any]] = []
    if outcome.text and not has_text:
        deltas.append({"content": outcome.text})
    if outcome.refusal:
        deltas.append({"refusal": outcome.refusal})
    if outcome.client_calls:
        deltas.append({"tool_calls": [{"index": n, **call.to_wire()} for n, call in enumerate(outcome.client_calls)]})
    return deltas


def usage_body(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the usage of all choices."""
    usage = sum((outcome.usage for outcome in outcomes), TokenUsage())
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
