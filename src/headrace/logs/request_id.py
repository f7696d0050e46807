"""Identify each request in the log and in its response."""

from __future__ import annotations

import os
import re
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID_HEADER = b"x-request-id"

#: The id of a client is used only if it is short and cannot forge log lines.
_VALID_ID = re.compile(rb"[A-Za-z0-9._:+/=-]{1,128}")

_request_id: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """Return the id of the request that is being handled, or an empty string outside of requests."""
    return _request_id.get()


class RequestIdMiddleware:
    """Bind the `X-Request-ID` of a request, or a new id, to its context and return it as a response header.

    It is the outermost middleware and therefore also reports the end of each HTTP request.
    """

    def __init__(self, app: ASGIApp, on_end: Callable[[Scope, int, float], None] | None = None) -> None:
        """Create the middleware.

        Args:
            app: The application.
            on_end: Called with the scope, the status and the duration in seconds; the status is 0 without a response.

        """
        self._app = app
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request or a WebSocket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = _sent_id(scope) or os.urandom(8).hex().encode()
        # Each request has its own task and context, so that the outer error handlers see the id.
        _request_id.set(request_id.decode())

        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                nonlocal status
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (REQUEST_ID_HEADER, request_id)]
            await send(message)

        started = time.perf_counter()
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            if self._on_end is not None:
                self._on_end(scope, status, time.perf_counter() - started)


def _sent_id(scope: Scope) -> bytes | None:
    for name, value in scope["headers"]:
        if name == REQUEST_ID_HEADER:
            return value if _VALID_ID.fullmatch(value) else None
    return None
