"""A model server that implements Anthropic's Messages API.

Protocol: https://docs.claude.com/en/api/messages and https://docs.claude.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from tests.support.model_server import KEY, digest_of

USAGE = {"input_tokens": 7, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 0, "output_tokens": 4}


def anthropic_app() -> FastAPI:
    """Return the application, which records its last request. It accepts the key in both headers that clients use."""
    app = FastAPI()
    app.state.body = {}

    @app.post("/v1/messages")
    async def messages(request: Request) -> Response:
        if KEY not in {
            request.headers.get("x-api-key"),
            request.headers.get("authorization", "").removeprefix("Bearer "),
        }:
            error = {"type": "authentication_error", "message": "invalid x-api-key"}
            return JSONResponse({"type": "error", "error": error}, 401)
        app.state.body = body = await request.json()
        content = _answer(body)
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "stop_sequence": None,
        }
        reason = "tool_use" if content[0]["type"] == "tool_use" else "end_turn"
        if body.get("stream"):
            return StreamingResponse(_events(message, content[0], reason), media_type="text/event-stream")
        return JSONResponse({**message, "content": content, "stop_reason": reason, "usage": USAGE})

    return app


def _answer(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a call of the first tool for a message of the user, else an answer that repeats the message."""
    content = body["messages"][-1]["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if body.get("tools") and blocks[-1]["type"] != "tool_result":
        return [{"type": "tool_use", "id": "toolu_1", "name": body["tools"][0]["name"], "input": {"city": "Paris"}}]
    prompt = " ".join(map(_text_of, blocks))
    return [{"type": "text", "text": f"[{body.get('system', '')}] {prompt} <{body['max_tokens']}>"}]


def _text_of(block: dict[str, Any]) -> str:
    if block["type"] == "text":
        return str(block["text"])
    if block["type"] == "tool_result":
        return str(block["content"])
    source = block["source"]
    return f"<{block['type']} {source['media_type']} {digest_of(base64.b64decode(source['data']))}>"


def _events(message: dict[str, Any], block: dict[str, Any], reason: str) -> Iterator[str]:
    started = {**message, "content": [], "stop_reason": None, "usage": {**USAGE, "output_tokens": 1}}
    yield _event("message_start", message=started)
    if block["type"] == "text":
        yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        for word in block["text"].split(" "):
            yield _event("content_block_delta", index=0, delta={"type": "text_delta", "text": f"{word} "})
    else:
        yield _event("content_block_start", index=0, content_block={**block, "input": {}})
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield _event("content_block_delta", index=0, delta=delta)
    yield _event("content_block_stop", index=0)
    end = {"stop_reason": reason, "stop_sequence": None}
    yield _event("message_delta", delta=end, usage=USAGE)
    yield _event("message_stop")


def _event(kind: str, **members: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n"
