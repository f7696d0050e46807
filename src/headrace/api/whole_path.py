"""Paths mean what they say, to their last character."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class WholePath:
    """ASGI middleware that refuses a path that ends in a line break.

    A route's pattern ends in `$`, which matches before a last line break too: `DELETE /api/v2/files/%0A`, which names no file,
    would be taken for the deletion of all.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request whose path is whole."""
        if scope["type"] == "http" and scope["path"].endswith("\n"):
            await JSONResponse({"detail": "The path ends in a line break."}, 400)(scope, receive, send)
            return
        await self._app(scope, receive, send)
