"""A guard against request paths that end in a line break."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.api.http.error_body import error_json

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class TrailingNewlineGuard:
    """ASGI middleware that rejects a path that ends in a line break.

    A route's pattern ends in `$`, which also matches before a final line break. Without this guard,
    `DELETE /api/v2/files/%0A` would match the route that deletes all files.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or respond with 400 if its path ends in a line break."""
        if scope["type"] == "http" and scope["path"].endswith("\n"):
            await error_json(scope, 400, "The path ends in a line break. Remove it.")(scope, receive, send)
            return
        await self._app(scope, receive, send)
