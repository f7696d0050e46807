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
    asked = messages[-1]["content"]
    if asked.startswith("say "):
        return str(asked.removeprefix("say "))
    system = " ".join(m["content"] for m in messages if m["role"] in {"system", "developer"})
    return f"[{system}] {messages[-1]['content']}"


def next_calls(body: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the tools that the model wants next, or None where it answers.

    A person who says `call NAME ARGUMENTS` has a tool called; several on a line are called at once, each line is a round.
    """
    messages = body["messages"]
    if not body.get("tools"):
        return None
    if isinstance(body.get("tool_choice"), dict):
        # A form is to be filled in: a person says what with, on the second line once the first did not fit.
        asked = [m["content"] for m in messages if m["role"] == "user"]
        lines = asked[0].splitlines()
        filled = lines[min(len(asked) - 1, len(lines) - 1)]
        name = body["tool_choice"]["function"]["name"]
        return [{"id": "call_form", "type": "function", "function": {"name": name, "arguments": filled}}]
    last = max(i for i, m in enumerate(messages) if m["role"] == "user")
    rounds = [line for line in messages[last]["content"].splitlines() if line.startswith("call ")]
    done = sum(m["role"] == "assistant" and bool(m.get("tool_calls")) for m in messages[last:])
    if done >= len(rounds):
        return None
    wanted = [call.split(" ", 1) for call in rounds[done].removeprefix("call ").split(" & ")]
    return [
        {"id": f"call_{done}_{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for n, (name, arguments) in enumerate(wanted)
    ]


def reply_after_tools(messages: list[dict[str, Any]]) -> str:
    """Answer with what the tools gave."""
    return " | ".join(m["content"] for m in messages if m["role"] == "tool")


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
        calls = next_calls(body)
        text = reply_after_tools(body["messages"]) if any(m["role"] == "tool" for m in body["messages"]) else ""
        text = text or reply_to(body["messages"])
        if text.endswith("show tools"):
            text = json.dumps([tool["function"] for tool in body.get("tools", [])])
        base = {"id": "chatcmpl-1", "created": int(time.time()), "model": body["model"]}
        if not body.get("stream"):
            said = {"content": None, "tool_calls": calls} if calls else {"content": text}
            reason = "tool_calls" if calls else "stop"
            choice = {"index": 0, "message": {"role": "assistant", **said}, "finish_reason": reason}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            return JSONResponse({**base, "object": "chat.completion", "choices": [choice], "usage": usage})

        def chunks() -> Iterator[str]:
            if calls:
                deltas: list[dict[str, Any]] = [{"tool_calls": [{**call, "index": n}]} for n, call in enumerate(calls)]
            else:
                deltas = [{"content": word + " "} for word in text.split(" ")]
            for delta in [*deltas, {}]:
                ended = "tool_calls" if calls else "stop"
                choice = {"index": 0, "delta": delta, "finish_reason": None if delta else ended}
                yield f"data: {json.dumps({**base, 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n"
            yield "data: [DONE]\n\n"

        return StreamingResponse(chunks(), media_type="text/event-stream")

    return app
