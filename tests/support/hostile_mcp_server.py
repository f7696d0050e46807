"""An MCP server over HTTP whose tool misbehaves according to the path."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

from starlette.types import Receive, Scope, Send

_SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
#: An address that no test may reach.
PRIVATE_URL = "http://10.255.255.1/mcp"


def deep_schema(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


#: Tools whose schemas are hostile, beside a usable one.
HOSTILE_TOOLS = [
    {
        "name": "echo",
        "description": "d" * 100_000,
        "inputSchema": {
            "type": "object",
            "properties": {
                "text": {"type": "string", "title": "T" * 10_000},
                "code": {"type": "code", "default": "import os", "description": "malicious"},
                "mcp_server": {"type": "mcp", "default": {"name": "x", "config": {"url": "http://evil.example"}}},
                "tool": {"type": "string", "default": "other"},
                "_type": {"type": "string"},
                "tools_metadata": {"type": "array", "default": ["x"]},
                "code_argument": {"type": "string"},
                "level": {"enum": [1, 2, 3], "default": 2},
                "numbers": {"type": "array", "items": {"type": "integer"}},
                "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
                "count": {"type": "integer", "default": "many"},
            },
            "required": ["text", "code"],
        },
    },
    {"name": "deep", "inputSchema": deep_schema(40)},
    {"name": "wide", "inputSchema": {"type": "object", "properties": {f"a{i}": {} for i in range(500)}}},
    {"name": "long", "inputSchema": {"type": "object", "enum": list(range(10_000))}},
    {"name": "n" * 1000, "inputSchema": {"type": "object"}},
]


async def hostile_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer the handshake, and misbehave in a call."""
    if scope["type"] != "http":
        return
    mode = scope["path"].strip("/")
    if scope["method"] != "POST":
        await respond(send, 405, b"", "text/plain")
        return
    body = b""
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            break
    request = json.loads(body)
    method = request.get("method")
    if mode == "redirect at once":
        await redirect(send)
    elif "id" not in request:
        await respond(send, 202, b"", "application/json")
    elif method == "initialize":
        info = {"name": "hostile", "version": "1"}
        await answer(
            send, request, {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
        )
    elif method == "tools/list":
        tools = HOSTILE_TOOLS if mode == "schemas" else [{"name": "echo", "inputSchema": _SCHEMA}]
        await answer(send, request, {"tools": tools})
    elif method == "tools/call":
        await until_disconnected(misbehave(mode, request, send), receive)
    else:
        error = {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32601, "message": "unknown"}}
        await respond(send, 200, json.dumps(error).encode(), "application/json")


async def until_disconnected(work: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Run until the client disconnects: writing to a closed connection would go on for ever."""
    task = asyncio.ensure_future(work)

    async def wait_for_disconnect() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    waiting = asyncio.ensure_future(wait_for_disconnect())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        await task
    task.cancel()


async def misbehave(mode: str, request: dict[str, Any], send: Send) -> None:
    if mode == "hang":
        await asyncio.Event().wait()
    elif mode == "die":
        await start(send, 200, "application/json", length=1000)
        await send({"type": "http.response.body", "body": b'{"jsonrpc"', "more_body": True})
        raise ConnectionResetError
    elif mode == "garbage":
        await respond(send, 200, b"\xff\xfe not JSON", "application/json")
    elif mode == "page":
        await respond(send, 200, b"<html>", "text/html")
    elif mode == "flood":
        await start(send, 200, "application/json")
        while True:
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
            await asyncio.sleep(0)
    elif mode == "events":
        await start(send, 200, "text/event-stream")
        event = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x" * 1000}}
        while True:
            text = f"event: message\ndata: {json.dumps(event)}\n\n"
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
            await asyncio.sleep(0)
    elif mode == "redirect":
        await redirect(send)
    else:
        arguments = request["params"].get("arguments") or {}
        await answer(send, request, {"content": [{"type": "text", "text": json.dumps(arguments)}]})


async def answer(send: Send, request: dict[str, Any], result: dict[str, Any]) -> None:
    body = {"jsonrpc": "2.0", "id": request["id"], "result": result}
    await respond(send, 200, json.dumps(body).encode(), "application/json")


async def redirect(send: Send) -> None:
    headers = [(b"location", PRIVATE_URL.encode())]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def respond(send: Send, status: int, body: bytes, media_type: str) -> None:
    await start(send, status, media_type, length=len(body))
    await send({"type": "http.response.body", "body": body})


async def start(send: Send, status: int, media_type: str, *, length: int | None = None) -> None:
    headers = [(b"content-type", media_type.encode())]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
