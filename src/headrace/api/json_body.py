"""Request bodies: bounded in size, and read strictly."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headrace.errors import HeadraceError


class UnreadableBodyError(HeadraceError):
    """The body is not JSON that could be kept."""


class BodyTooLargeError(HeadraceError):
    """The body is larger than the operator allows."""


class StrictRequest(Request):
    """A request whose JSON is RFC 8259 to the letter: UTF-8, no lone surrogates, no NaN; and no NUL characters."""

    async def json(self) -> Any:
        """Return the parsed body.

        Raises:
            UnreadableBodyError: it isn't such JSON; says where it goes wrong.

        """
        if not hasattr(self, "_json"):
            body = await self.body()
            try:
                self._json = orjson.loads(body)
            except orjson.JSONDecodeError as error:
                raise UnreadableBodyError(f"The request's body is not JSON: {error}") from error
            if b"\\u0000" in body:
                raise UnreadableBodyError(
                    "The request's body holds a NUL character (\\u0000), which no text here may have."
                )
        return self._json


class StrictRoute(APIRoute):
    """A route that reads its body strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, given a strict request."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return strict


class BodyLimit:
    """ASGI middleware that ends a request whose body grows over the limit, before it is held in memory."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request with a bounded `receive`."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        if declared.isdigit() and int(declared) > self._limit:
            await _refuse(send, self._limit)
            return
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > self._limit:
                    raise BodyTooLargeError(_text(self._limit))
            return message

        await self._app(scope, bounded, send)


def _text(limit: int) -> str:
    return f"The request's body is larger than {limit} bytes. An operator can raise HEADRACE_MAX_REQUEST_BYTES."


async def _refuse(send: Send, limit: int) -> None:
    body = orjson.dumps({"detail": _text(limit)})
    await send(
        {
            "type": "http.response.start",
            "status": 413,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
