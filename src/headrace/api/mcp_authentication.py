"""Authentication of MCP clients, whose requests may have other credentials than those of the rest of the API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl
from uuid import UUID

from headrace.api.http.local_request import is_local
from headrace.api.http.root_path import route_path
from headrace.auth.errors import MissingCredentialsError
from headrace.auth.keys import KEY_PREFIX
from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Scope

    from headrace.api.dependencies import Services
    from headrace.auth.authenticator import User

#: The start of the paths of the MCP server.
MCP_PATHS = ("/api/v1/mcp/", "/api/mcp/")
#: The paths to which clients post the messages of a session over SSE.
_MESSAGE_PATHS = re.compile(r"/api/(v1/)?mcp/|/api/v1/mcp/project/[^/]+/?")
#: The paths of a project at which clients connect, whose credentials its settings decide on.
_PROJECT_PATHS = re.compile(r"/api/v1/mcp/project/([0-9a-fA-F-]{36})/(streamable/?|sse)")


async def authenticate_mcp(scope: Scope, services: Services, authenticate: Callable[[Scope], Awaitable[User]]) -> User:
    """Return the user as whom an MCP client acts.

    The usual credentials are always accepted. At the address of a project, its settings also admit requests from the same
    machine without credentials (`none`), or access tokens of an authorization server (`oauth`), as its owner.

    Args:
        scope: the ASGI scope of an HTTP request below `MCP_PATHS`.
        services: the services of the server.
        authenticate: returns the user of the usual credentials.

    Raises:
        HeadraceError: The credentials are missing or not valid.

    """
    scope = opening_request(scope, services) or scope
    try:
        return await authenticate(scope)
    except HeadraceError as error:
        match = _PROJECT_PATHS.fullmatch(route_path(scope))
        user = await _project_user(match[1], error, scope, services) if match is not None else None
        if user is None:
            raise
        return user


async def _project_user(project: str, error: HeadraceError, scope: Scope, services: Services) -> User | None:
    try:
        project_id = UUID(project)
    except ValueError:
        return None
    access = await services.mcp_access.find_project(project_id)
    if access is None:
        return None
    if access.auth_type == "none" and isinstance(error, MissingCredentialsError) and is_local(scope):
        return access.owner
    if access.auth_type == "oauth":
        token = _bearer_token(scope)
        if not token.startswith(KEY_PREFIX):
            await services.mcp_access.verify_token(project_id, access, token)
            return access.owner
    return None


def _bearer_token(scope: Scope) -> str:
    header = next((v for k, v in scope["headers"] if k == b"authorization"), b"").decode("latin-1")
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


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
