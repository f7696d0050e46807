"""A model server that speaks OpenAI's chat completions protocol and Realtime API, and answers at once.

Source: OpenAI's API reference of `/v1/chat/completions` and of the Realtime API.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import StreamingResponse
from starlette.websockets import WebSocketDisconnect

#: The audio of an answer: two seconds in tenths of a second, PCM16 with 24,000 samples per second.
AUDIO_EVENTS = 20
AUDIO_EVENT_BYTES = 4800


def create_app() -> FastAPI:
    """Return the application."""
    app = FastAPI()

    @app.get("/health")
    async def health() -> str:
        return "ok"

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        body = orjson.loads(await request.body())
        text = f"Answer to: {body['messages'][-1]['content']}"
        if body.get("stream"):
            return StreamingResponse(_chunks(body["model"], text), media_type="text/event-stream")
        message = {"role": "assistant", "content": text}
        return _json(
            {
                **_common(body["model"], "chat.completion"),
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20},
            }
        )

    @app.websocket("/v1/realtime")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        pcm = base64.b64encode(bytes(AUDIO_EVENT_BYTES)).decode()
        delta = {"type": "response.output_audio.delta", "response_id": "resp_bench", "delta": pcm}
        events = [
            {"type": "response.created", "response": {"id": "resp_bench"}},
            *[delta] * AUDIO_EVENTS,
            {"type": "response.done", "response": {"id": "resp_bench", "status": "completed", "output": []}},
        ]
        answer = [orjson.dumps(event).decode() for event in events]
        try:
            while True:
                if orjson.loads(await socket.receive_text())["type"] == "response.create":
                    for event in answer:
                        await socket.send_text(event)
        except WebSocketDisconnect:
            return

    return app


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")


def _common(model: str, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-bench", "object": kind, "created": int(time.time()), "model": model}


def _chunks(model: str, text: str) -> Iterator[bytes]:
    common = _common(model, "chat.completion.chunk")
    for word in text.split(" "):
        choice = {"index": 0, "delta": {"content": word + " "}, "finish_reason": None}
        yield b"data: " + orjson.dumps({**common, "choices": [choice]}) + b"\n\n"
    yield (
        b"data: " + orjson.dumps({**common, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}) + b"\n\n"
    )
    yield b"data: [DONE]\n\n"
