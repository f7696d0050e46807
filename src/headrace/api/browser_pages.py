"""The pages `/docs` (Swagger UI) and `/redoc` (ReDoc), and the OpenAPI document that they show.

Scripts and styles come from a package, not from another host, and a content security policy keeps it that way.
"""

from __future__ import annotations

import asyncio
import hashlib
import html
import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from fastapi.responses import FileResponse, HTMLResponse
from starlette.responses import Response

from headrace.errors import NotFoundError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

#: The package with the released scripts and styles of Swagger UI and ReDoc. Only its files are used.
ASSETS_PACKAGE = "fastapi_standalone_docs"
#: The assets, by the name in their URL.
ASSETS = {
    "swagger-ui-bundle.js": "swagger/swagger-ui-bundle.js",
    "swagger-ui.css": "swagger/swagger-ui.css",
    "redoc.standalone.js": "redoc/redoc.standalone.js",
}
START_SCRIPT = "start-swagger-ui.js"

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
#: ReDoc adds style elements as it renders.
_STYLES = {"docs": "'self'", "redoc": "'self' 'unsafe-inline'"}
_ASSET_HEADERS = {"cache-control": "public, max-age=86400", "x-content-type-options": "nosniff"}

# URLs are relative, so that the pages work behind a proxy that adds a prefix to the paths.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
{head}
</head>
<body>
{body}
</body>
</html>
"""
_SWAGGER_HEAD = '<link rel="stylesheet" href="docs/assets/swagger-ui.css">'
_SWAGGER_BODY = f"""<div id="swagger-ui"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/assets/{START_SCRIPT}"></script>"""
_REDOC_HEAD = "<style>body { margin: 0 }</style>"
# The search runs in a worker from a blob, which the policy does not allow.
_REDOC_BODY = """<redoc spec-url="openapi.json" disable-search="true"></redoc>
<script src="docs/assets/redoc.standalone.js"></script>"""
_START_SWAGGER = b"""SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
});
"""


def install_browser_pages(app: FastAPI) -> None:
    """Add the pages, their assets and the OpenAPI document to an application."""
    title = html.escape(app.title)
    document = _Document(app)

    async def docs(_request: Request) -> Response:
        return _page("docs", f"{title} - Swagger UI", _SWAGGER_HEAD, _SWAGGER_BODY)

    async def redoc(_request: Request) -> Response:
        return _page("redoc", f"{title} - ReDoc", _REDOC_HEAD, _REDOC_BODY)

    async def openapi(request: Request) -> Response:
        body, etag = await document.load()
        headers = {"etag": etag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

    app.add_route("/docs", docs)
    app.add_route("/redoc", redoc)
    app.add_route("/docs/assets/{file_name}", _asset)
    app.add_route("/openapi.json", openapi)


class _Document:
    """The OpenAPI document, which takes about a second to generate and is then the same for every request."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._lock = asyncio.Lock()
        self._loaded: tuple[bytes, str] | None = None

    async def load(self) -> tuple[bytes, str]:
        """Return the document as JSON and its ETag, generating it on first use."""
        async with self._lock:
            if self._loaded is None:
                self._loaded = await asyncio.to_thread(self._generate)
        return self._loaded

    def _generate(self) -> tuple[bytes, str]:
        body = orjson.dumps(self._app.openapi())
        return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _page(name: str, title: str, head: str, body: str) -> Response:
    headers = {
        "content-security-policy": _POLICY.format(styles=_STYLES[name]),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }
    return HTMLResponse(_PAGE.format(title=title, head=head, body=body), headers=headers)


async def _asset(request: Request) -> Response:
    name: str = request.path_params["file_name"]
    if name == START_SCRIPT:
        return Response(_START_SWAGGER, media_type="text/javascript", headers=_ASSET_HEADERS)
    if name not in ASSETS:
        raise NotFoundError("The API documentation has no such file.")
    return FileResponse(_assets_folder() / ASSETS[name], headers=_ASSET_HEADERS)


@cache
def _assets_folder() -> Path:
    """Return the folder of the assets, without importing their package."""
    spec = importlib.util.find_spec(ASSETS_PACKAGE)
    folders = spec.submodule_search_locations if spec is not None else None
    if not folders:
        raise NotFoundError(
            "The assets of the API documentation are not installed. Run: pip install fastapi-standalone-docs"
        )
    return Path(folders[0]) / "static"
