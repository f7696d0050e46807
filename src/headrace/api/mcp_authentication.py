"""Authentication of MCP clients, whose requests may have other credentials than those of the rest of the API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from headrace.api.http.root_path import route_path

if TYPE_CHECKING:
    from starlette.types import Scope

    from headrace.api.dependencies import Services

#: The start of the paths of the MCP server.
MCP_PATHS = ("/api/v1/mcp/", "/api/mcp/")
#: The paths to which clients post the messages of a session over SSE.
_MESSAGE_PATHS = re.compile(r"/api/(v1/)?mcp/|/api/v1/mcp/project/[^/]+/?")


def opening_request(scope: Scope, services: Services) -> Scope | None:
    """Return the request that opened the session over SSE of a message, or None for other requests.

    A message needs no other credentials than the id of the session, as in Langflow: clients that send their API key in the
    query do not repeat it with messages. It is authenticated by the credentials of the request that opened the session, so
    that it is refused once these are revoked.

    Args:
        scope: the ASGI scope of an HTTP request below `MCP_PATHS`.
        services: the services of the server.

    """
    if scope["method"] != "POST" or not _MESSAGE_PATHS.fullmatch(route_path(scope)):
        return None
    session_id = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("session_id", "")
    return services.mcp.find_sse_request(session_id) if session_id else None
