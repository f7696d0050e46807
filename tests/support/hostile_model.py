"""A model server that sends as much as it can."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

#: The size of the texts that the server repeats, in characters.
CHUNK_CHARACTERS = 100_000
_EVENT_STREAM = "text/event-stream"


def _event(delta: dict[str, Any]) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return b"data: " + json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode() + b"\n\n"


def _texts() -> Iterator[bytes]:
    return itertools.repeat(_event({"content": "x" * CHUNK_CHARACTERS}))


def _words() -> Iterator[bytes]:
    return itertools.repeat(_event({"content": "word "}) * 1000)


def _reasoning() -> Iterator[bytes]:
    return itertools.repeat(_event({"reasoning_content": "x" * CHUNK_CHARACTERS}))


def _arguments() -> Iterator[bytes]:
    call = {"index": 0, "id": "call", "function": {"name": "f", "arguments": "x" * CHUNK_CHARACTERS}}
    return itertools.repeat(_event({"tool_calls": [call]}))


def _calls() -> Iterator[bytes]:
    for number in itertools.count():
        calls = [{"index": number * 1000 + n, "id": f"c{number}-{n}", "function": {"name": "f"}} for n in range(1000)]
        yield _event({"tool_calls": calls})


def _line() -> Iterator[bytes]:
    yield b"data: "
    yield from itertools.repeat(b"x" * CHUNK_CHARACTERS)


def _body() -> Iterator[bytes]:
    yield b'{"choices": [{"message": {"content": "'
    yield from itertools.repeat(b"x" * CHUNK_CHARACTERS)


def _compressed() -> Iterator[bytes]:
    yield from itertools.repeat(gzip.compress(b" " * 50_000_000), 100)


#: The answers by the name of the model.
STREAMS = {
    "texts": _texts,
    "words": _words,
    "reasoning": _reasoning,
    "arguments": _arguments,
    "calls": _calls,
    "line": _line,
}
#: A model that never answers.
SILENT = "silent"
BODIES = {"body": _body, "compressed": _compressed}


def hostile_model_app() -> FastAPI:
    """Return the application. The name of the model selects the answer."""
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        name = (await request.json())["model"]
        if name == SILENT:
            while (await request.receive())["type"] != "http.disconnect":
                pass
        if name in STREAMS:
            return StreamingResponse(STREAMS[name](), media_type=_EVENT_STREAM)
        headers = {"content-encoding": "gzip"} if name == "compressed" else {}
        return StreamingResponse(BODIES[name](), media_type="application/json", headers=headers)

    return app
