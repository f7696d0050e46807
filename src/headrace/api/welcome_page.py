"""The welcome page at `/`: a chat with the caller's flows, on a server without a front end.

The page is plain HTML, CSS and JavaScript without a build step. It loads nothing from other hosts, and a content security
policy keeps it that way.
"""

from __future__ import annotations

import asyncio
import html
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi.responses import FileResponse, HTMLResponse

from headrace.errors import NotFoundError
from headrace.models.local_server import INSTALL_COMMANDS, is_local_model_installed

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from starlette.responses import Response

    from headrace.settings import Settings

FOLDER = Path(__file__).parent / "welcome"
INDEX_HTML = "index.html"
#: The files that the page loads. Everything else in the folder is not served.
ASSETS = frozenset(
    {"chat.js", "client.js", "conversations.js", "icon.svg", "snippet.js", "transcript.js", "welcome.css"}
)

#: Scripts build the page with `textContent` only, so that no answer of a model becomes markup.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {"cache-control": "no-cache", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


def install_welcome_page(app: FastAPI, settings: Settings) -> None:
    """Add the page at `/` and its assets to an application."""
    app.add_route("/", partial(_page, settings=settings))
    app.add_route("/welcome/{file_name}", _asset)


async def _page(_request: Request, *, settings: Settings) -> Response:
    """Return the page, with what its script and its reader need to know about the server before a login."""
    page = (FOLDER / INDEX_HTML).read_text(encoding="utf-8")
    # The search for the packages reads folders.
    is_installed = await asyncio.to_thread(is_local_model_installed, settings.runs.local_model_path)
    page = page.replace("{auto_login}", "on" if settings.auth.auto_login else "off")
    page = page.replace("{local_model}", "installed" if is_installed else "missing")
    page = page.replace("{install_commands}", html.escape("\n".join(INSTALL_COMMANDS), quote=False))
    return HTMLResponse(page, headers={**_HEADERS, "content-security-policy": _POLICY})


async def _asset(request: Request) -> Response:
    name: str = request.path_params["file_name"]
    if name not in ASSETS:
        raise NotFoundError("The welcome page has no such file.")
    return FileResponse(FOLDER / name, headers=_HEADERS)
