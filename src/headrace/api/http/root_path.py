"""The path under which a reverse proxy serves the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


def route_path(scope: Scope) -> str:
    """Return the path that routes are matched against, which is the request path below the server's root path."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and path.startswith(root) and path[len(root) : len(root) + 1] in {"", "/"}:
        return path[len(root) :]
    return path


class RootPathMiddleware:
    """ASGI middleware that sets `root_path`, from which redirects and the OpenAPI document take the prefix of their URLs.

    As ASGI demands, `path` then contains the prefix, whether the proxy has removed it or not. Requests that come directly,
    such as health checks, are served without it.
    """

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a connection on."""
        if scope["type"] != "lifespan":
            scope["root_path"] = self._root_path
            path: str = scope["path"]
            if path != self._root_path and not path.startswith(f"{self._root_path}/"):
                scope["path"] = self._root_path + path
                if "raw_path" in scope:
                    scope["raw_path"] = self._root_path.encode() + scope["raw_path"]
        await self._app(scope, receive, send)
