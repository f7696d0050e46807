"""Runs in OpenAI's words: responses and chat completions, whole and as streams.

Source: the API reference of OpenAI for `/v1/responses` and `/v1/chat/completions`, and for callers that are not its
SDK the chunks that Langflow 1.7 recorded.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from headrace.errors import HeadraceError
from headrace.graph.events import Event, MessageAdded, Token
from headrace.runs.openai_events import Telling
from headrace.runs.tool_uses import ToolUse, tool_uses
from headrace.schema.message import SENDER_AI

if TYPE_CHECKING:
    from headrace.runs.request import RunRequest
    from headrace.runs.runner import Runner, Target

DONE = b"data: [DONE]\n\n"
#: A comment of the event stream, which clients pass over (HTML Living Standard, server-sent events): the run goes on.
HEARTBEAT = b": still running\n\n"


def text_of(answer: dict[str, Any]) -> str:
    """Return what a run's answer says: the text of its first message."""
    for output in answer["outputs"]:
        for result in output["outputs"]:
            for value in result["results"].values():
                if isinstance(value, dict) and isinstance(value.get("text"), str):
                    return str(value["text"])
    return ""


def error_body(message: str, code: str) -> dict[str, Any]:
    """Return an error in OpenAI's form."""
    return {"error": {"message": message, "type": "invalid_request_error", "code": code, "param": None}}


Piece = str | ToolUse | HeadraceError | None


async def spoken(runner: Runner, owner: Any, target: Target, request: RunRequest) -> AsyncIterator[Piece]:
    """Run a flow and yield what it says and which tools it used, None in long silences, and last the error that it ended in."""
    speaking: set[str] = set()
    used: Counter[str] = Counter()
    async for item in runner.stream(owner, target, request):
        if item is None:
            yield None
            continue
        if isinstance(item, MessageAdded) and item.message.sender == SENDER_AI:
            uses, key = tool_uses(item.message.content_blocks), item.message.id or ""
            for use in uses[used[key] :]:
                yield use
            used[key] = len(uses)
        piece = _piece(item, speaking)
        if piece is not None:
            yield piece
        if isinstance(item, HeadraceError):
            yield item


def _piece(item: Event | dict[str, Any] | HeadraceError, speaking: set[str]) -> str | None:
    if isinstance(item, Token):
        speaking.add(item.message_id)
        return item.chunk
    if isinstance(item, MessageAdded) and item.message.sender == SENDER_AI:
        whole = item.message.properties.state == "complete" and item.message.id not in speaking
        return item.message.text if whole else None
    return None


class Response:
    """One response: its id, which is its session's too, and how it is told."""

    def __init__(self, session_id: str, model: str, previous: str | None) -> None:
        self.id = session_id
        self.model = model
        self.previous = previous
        self.created = int(time.time())

    def body(
        self, output: list[dict[str, Any]] | None, status: str = "completed", error: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the response as it stands."""
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": error,
            "incomplete_details": None,
            "instructions": None,
            "max_output_tokens": None,
            "model": self.model,
            "output": output or [],
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

    def whole(self, text: str, uses: list[ToolUse], *, sdk: bool, with_results: bool) -> dict[str, Any]:
        """Return the response once it is complete: the tools that were used, then what was said."""
        if sdk:
            calls = [use.function_call(self.id, n) for n, use in enumerate(uses, 1)]
        else:
            calls = [use.item(n, with_results=with_results) for n, use in enumerate(uses, 1)]
        return self.body([*calls, self._item(text, "completed")])

    def _item(self, text: str | None, status: str) -> dict[str, Any]:
        content = [] if text is None else [{"type": "output_text", "text": text, "annotations": []}]
        return {
            "type": "message",
            "id": f"msg_{self.id}",
            "status": status,
            "role": "assistant",
            "content": content,
        }

    async def chunks(self, pieces: AsyncIterator[Piece], *, with_results: bool = False) -> AsyncIterator[bytes]:
        """Yield the stream that Langflow's clients read."""
        base = {"id": self.id, "object": "response.chunk", "created": self.created, "model": self.model}
        used = 0
        async for piece in pieces:
            if piece is None:
                yield HEARTBEAT
                continue
            if isinstance(piece, HeadraceError):
                yield _data({**base, **error_body(piece.message, "processing_error"), "status": "failed"})
                break
            if isinstance(piece, ToolUse):
                used += 1
                item = piece.item(used, with_results=with_results)
                done = {"type": "response.output_item.done", "item": item}
                yield b"event: response.output_item.done\n" + _data(done)
                continue
            yield _data({**base, "delta": {"content": piece}, "status": None})
        else:
            yield _data({**base, "delta": {}, "status": "completed"})
        yield DONE

    async def events(self, pieces: AsyncIterator[Piece]) -> AsyncIterator[bytes]:
        """Yield the typed events that OpenAI's SDK reads."""
        told = Telling(self.id)
        yield told.event("response.created", response=self.body(None, "in_progress"))
        yield told.event("response.in_progress", response=self.body(None, "in_progress"))
        async for piece in pieces:
            if piece is None:
                yield HEARTBEAT
            elif isinstance(piece, HeadraceError):
                failed = {"code": "server_error", "message": piece.message}
                yield told.event("response.failed", response=self.body(told.items(), "failed", failed))
                return
            elif isinstance(piece, ToolUse):
                for event in told.tool(piece):
                    yield event
            elif piece:
                for event in told.text(piece):
                    yield event
        for event in told.end():
            yield event
        yield told.event("response.completed", response=self.body(told.items()))


class Completion:
    """One chat completion, and how it is told."""

    def __init__(self, model: str) -> None:
        self.id = f"chatcmpl-{uuid4().hex}"
        self.model = model
        self.created = int(time.time())

    def body(self, text: str) -> dict[str, Any]:
        """Return the completion."""
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        return {**self._base("chat.completion"), "choices": [choice], "usage": usage}

    async def chunks(self, pieces: AsyncIterator[Piece]) -> AsyncIterator[bytes]:
        """Yield the completion's stream."""
        yield self._chunk({"role": "assistant", "content": ""})
        async for piece in pieces:
            if piece is None:
                yield HEARTBEAT
                continue
            if isinstance(piece, HeadraceError):
                yield _data(error_body(piece.message, "processing_error"))
                yield DONE
                return
            if isinstance(piece, str):
                yield self._chunk({"content": piece})
        yield self._chunk({}, "stop")
        yield DONE

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _data({**self._base("chat.completion.chunk"), "choices": [choice]})

    def _base(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def _data(body: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(body) + b"\n\n"
