"""A built front end: its files, and its page for every address that is none of the API's."""

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

PAGE = "index.html"
#: What begins so is the API's, and never the page.
API_PATHS = ("api/", "health", "logs", "docs", "redoc", "openapi.json")

#: A name that holds a hash of its content, as bundlers write it: `index-B3kD9x2a.js`.
_HASHED = re.compile(r"[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$")
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


def frontend(folder: Path) -> ASGIApp:
    """Return what serves the front end in a folder, compressed where the browser takes it.

    Raises:
        SettingsError: the folder holds no front end.

    """
    if not (folder / PAGE).is_file():
        raise SettingsError(f"LANGFLOW_FRONTEND_PATH: there is no {PAGE} in {folder}.")
    return GZipMiddleware(_Frontend(directory=folder), minimum_size=500)


class _Frontend(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file; for an address of the page's own, the page."""
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or not self._is_page(path, scope):
                raise
            path, response = PAGE, await super().get_response(PAGE, scope)
        response.headers["cache-control"] = _FOR_EVER if _HASHED.search(path) else _ASK_AGAIN
        response.headers["x-content-type-options"] = "nosniff"
        return response

    def _is_page(self, path: str, scope: Scope) -> bool:
        # A browser that asks for a picture or a script that is gone does not want a page in its place.
        asked = Headers(scope=scope).get("accept", "*/*")
        return not f"{path}/".startswith(API_PATHS) and ("text/html" in asked or ("*/*" in asked and "." not in path))
