"""Request bodies: bounded in size, and read strictly."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
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

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The request's body is larger than {limit} bytes. An operator can raise HEADRACE_MAX_REQUEST_BYTES."
        )


def strict_json(body: bytes, what: str = "The request's body") -> Any:
    """Return what is written in `body`, JSON by RFC 8259 to the letter: UTF-8, no lone surrogates, no NaN; and no NUL characters.

    Raises:
        UnreadableBodyError: it isn't such JSON; says where it goes wrong.

    """
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UnreadableBodyError(f"{what} is not JSON: {error}") from error
    if b"\\u0000" in body:
        raise UnreadableBodyError(f"{what} holds a NUL character (\\u0000), which no text here may have.")
    return parsed


class StrictRequest(Request):
    """A request whose JSON is read by `strict_json`."""

    async def json(self) -> Any:
        """Return the parsed body.

        Raises:
            UnreadableBodyError: it isn't such JSON; says where it goes wrong.

        """
        if not hasattr(self, "_json"):
            self._json = strict_json(await self.body())
        return self._json


class StrictRoute(APIRoute):
    """A route that reads its body strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, given a strict request."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            if "\x00" in request.scope["path"] or b"%00" in request.scope["query_string"]:
                raise UnreadableBodyError("The address holds a NUL character (%00), which no text here may have.")
            return await handler(StrictRequest(request.scope, request.receive))

        return strict


class BodyLimit:
    """ASGI middleware that ends a request whose body grows over the limit, before it is held in memory."""

    def __init__(self, app: ASGIApp, limit: int, uploads: Mapping[str, int]) -> None:
        """Set up.

        Args:
            app: what is served.
            limit: most bytes of a body.
            uploads: beginnings of paths whose bodies are never held, with the limit for each.

        """
        self._app = app
        self._limit = limit
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request with a bounded `receive`."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit_of(scope)
        declared = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        if declared.isdigit() and int(declared) > limit:
            await _refuse(send, BodyTooLargeError(limit))
            return
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit:
                    raise BodyTooLargeError(limit)
            return message

        await self._app(scope, bounded, send)

    def _limit_of(self, scope: Scope) -> int:
        if scope["method"] == "POST":
            for path, limit in self._uploads.items():
                if scope["path"].startswith(path) if path.endswith("/") else scope["path"].rstrip("/") == path:
                    return limit
        return self._limit


async def _refuse(send: Send, error: BodyTooLargeError) -> None:
    body = orjson.dumps({"detail": error.message})
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
