"""A model server that implements OpenAI's chat completions protocol, with its errors."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

KEY = "sk-test-model"
#: A message that the model never answers.
NEVER = "never answer"


def text_of(content: str | list[dict[str, Any]] | None) -> str:
    """Return the text of a message's content, with the digest of each image, file and recording."""
    if content is None or isinstance(content, str):
        return content or ""
    return " ".join(_text_of_part(part) for part in content)


def _text_of_part(part: dict[str, Any]) -> str:
    if part["type"] == "text":
        return str(part["text"])
    if part["type"] == "image_url":
        return f"<image {_digest(part['image_url']['url'])}>"
    if part["type"] == "file":
        return f"<file {part['file']['filename']} {_digest(part['file']['file_data'])}>"
    return f"<audio {part['input_audio']['format']} {digest_of(base64.b64decode(part['input_audio']['data']))}>"


def digest_of(content: bytes) -> str:
    """Return the digest that the server answers for the content of an image or a file."""
    return hashlib.sha256(content).hexdigest()[:16]


def _digest(url: str) -> str:
    head, _, data = url.partition(",")
    return f"{head.removeprefix('data:')} {digest_of(base64.b64decode(data))}" if data else url


def usage_of(messages: list[dict[str, Any]], answer: str) -> dict[str, Any]:
    """Return the usage of an answer: a token for each word, the first of the request cached and the first of the answer reasoned."""
    sent = sum(len(text_of(m.get("content")).split()) for m in messages)
    received = len(answer.split())
    return {
        "prompt_tokens": sent,
        "completion_tokens": received,
        "total_tokens": sent + received,
        "prompt_tokens_details": {"cached_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }


def reply_to(messages: list[dict[str, Any]]) -> str:
    """Return an answer that repeats the system message and the last message, or the text after `say`."""
    last = text_of(messages[-1]["content"])
    if last.startswith("say "):
        return str(last.removeprefix("say "))
    system = " ".join(m["content"] for m in messages if m["role"] in {"system", "developer"})
    return f"[{system}] {last}"


def next_calls(body: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the tool calls of the model's next response, or None if it answers.

    Each line `call NAME ARGUMENTS` of a user message is a round; `&` separates the calls of a round.
    """
    messages = body["messages"]
    if not body.get("tools"):
        return None
    if isinstance(body.get("tool_choice"), dict):
        # Structured output: the lines of the first user message are the answers to it and to each correction.
        user_texts = [text_of(m["content"]) for m in messages if m["role"] == "user"]
        lines = user_texts[0].splitlines()
        record = lines[min(len(user_texts) - 1, len(lines) - 1)]
        name = body["tool_choice"]["function"]["name"]
        return [{"id": "call_form", "type": "function", "function": {"name": name, "arguments": record}}]
    last = max(i for i, m in enumerate(messages) if m["role"] == "user")
    rounds = [line for line in text_of(messages[last]["content"]).splitlines() if line.startswith("call ")]
    done = sum(m["role"] == "assistant" and bool(m.get("tool_calls")) for m in messages[last:])
    if done >= len(rounds):
        return None
    calls = [call.split(" ", 1) for call in rounds[done].removeprefix("call ").split(" & ")]
    return [
        {"id": f"call_{done}_{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for n, (name, arguments) in enumerate(calls)
    ]


def reply_after_tools(messages: list[dict[str, Any]]) -> str:
    """Return an answer that lists the results of the tools."""
    return " | ".join(m["content"] for m in messages if m["role"] == "tool")


def model_app() -> FastAPI:
    """Return the application. It counts its requests."""
    app = FastAPI()
    app.state.waiting = None
    app.state.requests = 0
    app.state.body = {}
    #: Whether the server rejects the option for the usage of a stream, as some servers do.
    app.state.rejects_usage = False

    @app.get("/count")
    async def count() -> int:
        return int(app.state.requests)

    @app.get("/last-body")
    async def last_body() -> dict[str, Any]:
        return dict(app.state.body)

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
        app.state.requests += 1
        app.state.body = body
        if app.state.rejects_usage and "stream_options" in body:
            message = "Unrecognized request argument supplied: stream_options"
            return JSONResponse({"error": {"message": message, "type": "invalid_request_error"}}, 400)
        if body["messages"][-1]["content"] == NEVER:
            waiting = app.state.waiting = threading.Event()
            while (await request.receive())["type"] != "http.disconnect":
                pass
            waiting.set()
        calls = next_calls(body)
        text = reply_after_tools(body["messages"]) if any(m["role"] == "tool" for m in body["messages"]) else ""
        text = text or reply_to(body["messages"])
        if text.endswith("show tools"):
            text = json.dumps([tool["function"] for tool in body.get("tools", [])])
        words = text.split(" ")
        is_cut = not calls and body.get("max_tokens") is not None and len(words) > body["max_tokens"]
        text = " ".join(words[: body["max_tokens"]]) if is_cut else text
        ended = "tool_calls" if calls else "length" if is_cut else "stop"
        usage = usage_of(body["messages"], "" if calls else text)
        base = {"id": "chatcmpl-1", "created": int(time.time()), "model": body["model"]}
        if not body.get("stream"):
            content = {"content": None, "tool_calls": calls} if calls else {"content": text}
            choice = {"index": 0, "message": {"role": "assistant", **content}, "finish_reason": ended}
            return JSONResponse({**base, "object": "chat.completion", "choices": [choice], "usage": usage})

        def chunks() -> Iterator[str]:
            if calls:
                deltas: list[dict[str, Any]] = [{"tool_calls": [{**call, "index": n}]} for n, call in enumerate(calls)]
            else:
                *words, last = text.split(" ")
                deltas = [{"content": piece} for piece in [*(f"{word} " for word in words), last]]
            for delta in [*deltas, {}]:
                choice = {"index": 0, "delta": delta, "finish_reason": None if delta else ended}
                yield f"data: {json.dumps({**base, 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n"
            if (body.get("stream_options") or {}).get("include_usage"):
                last_chunk = {**base, "object": "chat.completion.chunk", "choices": [], "usage": usage}
                yield f"data: {json.dumps(last_chunk)}\n\n"
            yield "data: [DONE]\n\n"

        return StreamingResponse(chunks(), media_type="text/event-stream")

    return app
