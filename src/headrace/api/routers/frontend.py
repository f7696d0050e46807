"""The built frontend: its files, and its index page for every path that is not the API's."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from headrace.settings import SettingsError

INDEX_HTML = "index.html"
#: Prefixes of the API's paths, which never return the index page.
API_PATHS = ("api/", "v1/", "health", "logs", "metrics", "docs", "redoc", "openapi.json")

#: A file name with a hash of the content, as bundlers write it: `index-B3kD9x2a.js`.
_HASHED_NAME = re.compile(r"[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$")
_IMMUTABLE = "public, max-age=31536000, immutable"
_NO_CACHE = "no-cache"


def frontend(folder: Path) -> ASGIApp:
    """Return an ASGI app that serves the frontend in a folder, compressed if the browser supports it.

    Raises:
        SettingsError: The folder contains no index page.

    """
    if not (folder / INDEX_HTML).is_file():
        raise SettingsError(
            f"LANGFLOW_FRONTEND_PATH: the folder {folder} contains no {INDEX_HTML}. Set it to the folder of a built frontend."
        )
    return GZipMiddleware(_Frontend(directory=folder), minimum_size=500)


class _Frontend(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, or the index page for a path that the frontend's router handles."""
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or not self._is_page(path, scope):
                raise
            path, response = INDEX_HTML, await super().get_response(INDEX_HTML, scope)
        response.headers["cache-control"] = _IMMUTABLE if _HASHED_NAME.search(path) else _NO_CACHE
        response.headers["x-content-type-options"] = "nosniff"
        return response

    def _is_page(self, path: str, scope: Scope) -> bool:
        # A request for a missing image or script gets a 404, since a page in its place would confuse the browser.
        accepted = Headers(scope=scope).get("accept", "*/*")
        accepts_page = "text/html" in accepted or ("*/*" in accepted and "." not in path)
        return accepts_page and not f"{path}/".startswith(API_PATHS)
