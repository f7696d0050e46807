"""A model server that speaks OpenAI's chat completions protocol, errors included."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

KEY = "sk-test-model"
#: A question that the model never answers.
NEVER = "never answer"


def reply_to(messages: list[dict[str, Any]]) -> str:
    """Answer with what was asked, so that a test sees which messages arrived."""
    system = " ".join(m["content"] for m in messages if m["role"] in {"system", "developer"})
    return f"[{system}] {messages[-1]['content']}"


def model_app() -> FastAPI:
    """Return the server."""
    app = FastAPI()
    app.state.waiting = None
    app.state.asked = 0

    @app.get("/count")
    async def count() -> int:
        return int(app.state.asked)

    @app.get("/gave-up")
    async def gave_up() -> bool:
        return app.state.waiting is not None and app.state.waiting.is_set()

    @app.get("/waits")
    async def waits() -> bool:
        return app.state.waiting is not None and not app.state.waiting.is_set()

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            error = {
                "message": "Incorrect API key provided.",
                "type": "invalid_request_error",
                "param": None,
                "code": "invalid_api_key",
            }
            return JSONResponse({"error": error}, 401)
        body = await request.json()
        app.state.asked += 1
        if body["messages"][-1]["content"] == NEVER:
            waiting = app.state.waiting = threading.Event()
            while (await request.receive())["type"] != "http.disconnect":
                pass
            waiting.set()
        text = reply_to(body["messages"])
        base = {"id": "chatcmpl-1", "created": int(time.time()), "model": body["model"]}
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            return JSONResponse({**base, "object": "chat.completion", "choices": [choice], "usage": usage})

        def chunks() -> Iterator[str]:
            for piece in [*(w + " " for w in text.split(" ")), None]:
                delta = {} if piece is None else {"content": piece}
                choice = {"index": 0, "delta": delta, "finish_reason": "stop" if piece is None else None}
                yield f"data: {json.dumps({**base, 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n"
            yield "data: [DONE]\n\n"

        return StreamingResponse(chunks(), media_type="text/event-stream")

    return app
