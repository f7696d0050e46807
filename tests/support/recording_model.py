"""A model server that records its requests and answers by simple rules, with usage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 5,
    "total_tokens": 16,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
#: The arguments of every tool call.
ARGUMENTS = '{"city": "Paris"}'
#: A message whose streamed answer ends with an error.
BROKEN = "break off"
#: The answer if a JSON schema is requested.
RECORD = '{"answer": 42}'
#: Messages that the server answers with an error, and its status.
FAILURES = {"reject this": 400, "break down": 500}


class RecordingModel:
    """The application and the bodies of its requests."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.app = FastAPI()
        self.app.post("/v1/chat/completions")(self._chat)

    @property
    def last(self) -> dict[str, Any]:
        """The body of the last request."""
        return self.bodies[-1]

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        status = FAILURES.get(str(body["messages"][-1]["content"]))
        if status is not None:
            return JSONResponse({"error": {"message": "I cannot do this.", "type": "x", "code": "x"}}, status)
        message, reason = _answer(body)
        base = {"id": "chatcmpl-1", "created": 1, "model": body["model"]}
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
            return JSONResponse({**base, "object": "chat.completion", "choices": [choice], "usage": USAGE})
        return StreamingResponse(_chunks(base, message, reason), media_type="text/event-stream")


def _answer(body: dict[str, Any]) -> tuple[dict[str, Any], str]:
    if body.get("tools") and body["messages"][-1]["role"] == "user" and body.get("tool_choice") != "none":
        calls = [
            {"id": f"call_{n}", "type": "function", "function": {"name": t["function"]["name"], "arguments": ARGUMENTS}}
            for n, t in enumerate(body["tools"])
        ]
        return {"content": None, "tool_calls": calls}, "tool_calls"
    if (body.get("response_format") or {}).get("type") == "json_schema":
        return {"content": RECORD}, "stop"
    if body["messages"][-1]["content"] == BROKEN:
        return {"content": "one two three"}, "error"
    is_limited = (body.get("max_tokens") or body.get("max_completion_tokens") or 100) < 10
    return {"content": "one two three"}, "length" if is_limited else "stop"


def _chunks(base: dict[str, Any], message: dict[str, Any], reason: str) -> Iterator[str]:
    if message.get("tool_calls"):
        deltas: list[dict[str, Any]] = [
            {"tool_calls": [{**c, "index": n}]} for n, c in enumerate(message["tool_calls"])
        ]
    else:
        deltas = [{"content": word} for word in message["content"].split(" ")]
        deltas = [{"content": f"{d['content']} "} for d in deltas[:-1]] + deltas[-1:]
    chunk = {**base, "object": "chat.completion.chunk"}
    for n, delta in enumerate(deltas):
        if n and reason == "error":
            yield f"data: {json.dumps({'error': {'message': 'The model failed.', 'type': 'server_error'}})}\n\n"
            return
        yield f"data: {json.dumps({**chunk, 'choices': [{'index': 0, 'delta': delta, 'finish_reason': None}]})}\n\n"
    yield f"data: {json.dumps({**chunk, 'choices': [{'index': 0, 'delta': {}, 'finish_reason': reason}]})}\n\n"
    yield f"data: {json.dumps({**chunk, 'choices': [], 'usage': USAGE})}\n\n"
    yield "data: [DONE]\n\n"
