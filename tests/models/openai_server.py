"""A server that implements OpenAI's chat completions protocol with scripted answers.

Protocol: https://platform.openai.com/docs/api-reference/chat and https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

KEY = "sk-test-chat-key"


@dataclass(frozen=True)
class Reply:
    """One answer. The parts of the body are sent one by one; None as the last part breaks the connection."""

    status: int = 200
    parts: tuple[bytes | None, ...] = (b"",)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class OpenAIServer:
    """The scripted answers and the recorded requests of a server."""

    replies: deque[Reply] = field(default_factory=deque)
    #: Bodies and headers of the received requests.
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    #: Client addresses of the requests: one for each connection.
    connections: set[tuple[str, int]] = field(default_factory=set)

    def script(self, *replies: Reply) -> None:
        """Reset the records and set the answers to the next requests. Further requests receive a short answer."""
        self.replies = deque(replies)
        self.bodies.clear()
        self.headers.clear()
        self.connections.clear()

    def app(self) -> FastAPI:
        """Return the ASGI application."""
        app = FastAPI()

        @app.post("/v1/chat/completions")
        async def complete(request: Request) -> Response:
            body = await request.json()
            self.bodies.append(body)
            self.headers.append(dict(request.headers))
            assert request.client is not None
            self.connections.add((request.client.host, request.client.port))
            if request.headers.get("authorization") != f"Bearer {KEY}":
                return _response(error(401, "Incorrect API key provided: sk-wrong.", "invalid_api_key"))
            if self.replies:
                return _response(self.replies.popleft())
            return _response(
                stream(text_chunks("Hello", " there")) if body.get("stream") else completion("Hello there")
            )

        return app


def _response(reply: Reply) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for part in reply.parts:
            if part is None:
                raise ConnectionResetError
            yield part
            await asyncio.sleep(0)

    if len(reply.parts) == 1 and reply.parts[0] is not None:
        return Response(reply.parts[0], reply.status, dict(reply.headers))
    return StreamingResponse(parts(), reply.status, dict(reply.headers))


def completion(
    text: str | None = None,
    *,
    calls: Iterable[dict[str, Any]] = (),
    finish_reason: str = "stop",
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Reply:
    """Return a complete answer; `members` are further members of the message."""
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None, **members}
    if calls:
        message["tool_calls"] = list(calls)
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}],
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 5,
            "total_tokens": 14,
            "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0},
        },
    }
    return Reply(parts=(json.dumps(body).encode(),), headers={"content-type": "application/json", **(headers or {})})


def call(name: str, arguments: str, call_id: str = "call_1") -> dict[str, Any]:
    """Return a tool call of a complete answer."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def error(status: int, message: str, code: str | None = None, **headers: str) -> Reply:
    """Return an error. The names of `headers` have `_` instead of `-`."""
    body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
    return Reply(
        status,
        (json.dumps(body).encode(),),
        {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}},
    )


def chunk(delta: dict[str, Any] | None = None, finish_reason: str | None = None, **members: Any) -> bytes:
    """Return an event of a stream; without `delta`, one that has no choice."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish_reason}]
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": choices,
        **members,
    }
    return event(json.dumps(body))


def event(data: str) -> bytes:
    """Return a server-sent event."""
    return f"data: {data}\n\n".encode()


def text_chunks(*words: str, finish_reason: str = "stop") -> list[bytes]:
    """Return the events of a text, without the end of the stream."""
    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": word}) for word in words),
        chunk({}, finish_reason),
    ]


DONE = event("[DONE]")


def stream(events: Iterable[bytes | None], *, done: bool = True) -> Reply:
    """Return a streamed answer."""
    parts = (*events, DONE) if done else tuple(events)
    return Reply(parts=parts, headers={"content-type": "text/event-stream; charset=utf-8"})
