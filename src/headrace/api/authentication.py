"""Authentication of every HTTP request and WebSocket, before a route, mount or body is reached.

The middleware denies by default: a route, mount or WebSocket needs credentials unless it is in `PUBLIC_PATHS`. The only
public mount is the front end's. The middleware reads the raw ASGI scope, since it runs on every request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from sqlalchemy.exc import DBAPIError
from starlette.requests import HTTPConnection
from starlette.routing import Match, compile_path

from headrace.api.errors import error_response
from headrace.api.http.origin import check_cookie_origin, check_socket_origin
from headrace.api.http.root_path import route_path
from headrace.api.mcp_authentication import MCP_PATHS, authenticate_mcp
from headrace.auth.errors import MissingCredentialsError
from headrace.auth.keys import KEY_PREFIX
from headrace.errors import HeadraceError
from headrace.limits.account import Account, current_account

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from headrace.api.dependencies import Services
    from headrace.auth.authenticator import Authenticator, User

ACCESS_COOKIE = "access_token_lf"
API_KEY_NAME = "x-api-key"

#: The routes that need no credentials, by path template. Every other route, mount and WebSocket does.
PUBLIC_PATHS = frozenset(
    {
        "/health",
        "/health_check",
        "/api/v1/version",
        "/api/v1/login",
        "/api/v1/logout",
        "/api/v1/refresh",
        "/api/v1/auto_login",
        "/api/v1/flows/basic_examples/",
        "/api/v1/flows/public_flow/{flow_id}",
        "/api/v1/build_public_tmp/{flow_id}/flow",
        "/api/v1/build_public_tmp/{job_id}/events",
        "/api/v1/build_public_tmp/{job_id}/cancel",
        # The route itself checks the credentials, a signature, or neither, as the operator and the flow demand.
        "/api/v1/webhook/{flow_id_or_name}",
        "/api/v1/files/profile_pictures/list",
        "/api/v1/files/profile_pictures/{folder_name}/{file_name}",
        "/api/v1/store/check/",
        "/api/v1/store/tags",
        "/",
        "/welcome/{file_name}",
        # The route itself admits superusers and the metrics token.
        "/metrics",
        "/.well-known/oauth-protected-resource/api/v1/mcp/project/{project_id}/{transport}",
        "/docs",
        "/docs/assets/{file_name}",
        "/openapi.json",
        "/redoc",
    }
)
#: The name of the front end's mount at `/`.
FRONTEND_MOUNT = "frontend"

_API_KEY_HEADER = API_KEY_NAME.encode()
_API_KEY_PARAMETER = f"{API_KEY_NAME}=".encode()
#: The WebSocket close code of a policy violation (RFC 6455, section 7.4.1). Sent before the handshake, it becomes a 403.
POLICY_VIOLATION = 1008


class PublicPaths:
    """A set of path templates, compiled for a fast test of a request path."""

    def __init__(self, templates: Iterable[str]) -> None:
        templates = list(templates)
        patterns = [t for t in templates if "{" in t]
        self._exact = frozenset(t for t in templates if "{" not in t)
        self._prefixes = tuple(t.partition("{")[0] for t in patterns)
        self._patterns = [compile_path(t)[0] for t in patterns]

    def __contains__(self, path: str) -> bool:
        """Return whether `path` matches one of the templates."""
        if path in self._exact:
            return True
        return path.startswith(self._prefixes) and any(pattern.match(path) for pattern in self._patterns)


class AuthenticationMiddleware:
    """ASGI middleware that stores the authenticated user in `state["user"]`, or denies the connection.

    HTTP requests are answered with 401 or 403 before their body is read; WebSockets are closed during the handshake.
    An HTTP path that no route serves needs none: its response is a file or page of the front end, or a 404.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._public = PublicPaths(PUBLIC_PATHS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate a connection and pass it on."""
        if scope["type"] not in {"http", "websocket"} or self._is_public(scope):
            await self._app(scope, receive, send)
            return
        try:
            user = await _authenticate_client(scope)
        except (HeadraceError, DBAPIError) as error:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": _close_reason(error)})
            elif _is_routed(scope):
                await error_response(error, scope)(scope, receive, send)
            else:
                await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["user"] = user
        current_account.set(Account(str(user.id)))
        await self._app(scope, receive, send)

    def _is_public(self, scope: Scope) -> bool:
        return scope["type"] == "http" and route_path(scope) in self._public


async def _authenticate_client(scope: Scope) -> User:
    if scope["type"] == "http" and route_path(scope).startswith(MCP_PATHS):
        return await authenticate_mcp(scope, scope["app"].state.headrace, authenticate)
    return await authenticate(scope)


def _is_routed(scope: Scope) -> bool:
    """Return whether a route or a mount other than the front end serves this path. Only called on a denial: it is slow."""
    return any(
        route.matches(dict(scope))[0] is not Match.NONE
        for route in scope["app"].routes
        if getattr(route, "name", None) != FRONTEND_MOUNT
    )


def _close_reason(error: HeadraceError | DBAPIError) -> str:
    return error.message if isinstance(error, HeadraceError) else "The database is not available."


@dataclass(slots=True)
class _Credentials:
    """The headers of a connection that authentication reads."""

    authorization: str = ""
    api_key: str = ""
    has_cookies: bool = False


def _read_credentials(headers: Iterable[tuple[bytes, bytes]]) -> _Credentials:
    credentials = _Credentials()
    for name, value in headers:
        if name == b"authorization":
            credentials.authorization = credentials.authorization or value.decode("latin-1")
        elif name == _API_KEY_HEADER:
            credentials.api_key = credentials.api_key or value.decode("latin-1")
        elif name == b"cookie":
            credentials.has_cookies = True
    return credentials


async def authenticate(scope: Scope) -> User:
    """Return the user whose credentials a connection carries.

    A bearer token wins over an API key, and both win over the login cookie. An API key is also accepted as a bearer token,
    which is how OpenAI clients send it, and as a query parameter.

    Args:
        scope: the ASGI scope of an HTTP request or a WebSocket.

    Raises:
        MissingCredentialsError: the connection carries no credentials.
        InvalidKeyError: the API key is unknown or inactive.
        ExpiredKeyError: the API key has expired.
        InvalidTokenError: the token is expired or forged, or its user is inactive.
        CrossSiteError: the connection comes from a page of another site, and is a WebSocket or has only a cookie.

    """
    services: Services = scope["app"].state.headrace
    if scope["type"] == "websocket":
        check_socket_origin(HTTPConnection(scope), services.settings.server.cors_origins)
    authenticator: Authenticator = services.authenticator
    credentials = _read_credentials(scope["headers"])
    scheme, _, token = credentials.authorization.partition(" ")
    if token and scheme.lower() == "bearer":
        token = token.strip()
        if token.startswith(KEY_PREFIX):
            return await authenticator.authenticate_key(token)
        return await authenticator.authenticate_token(token)
    key = credentials.api_key or _query_api_key(scope["query_string"])
    if key:
        return await authenticator.authenticate_key(key)
    if credentials.has_cookies:
        connection = HTTPConnection(scope)
        cookie = connection.cookies.get(ACCESS_COOKIE)
        if cookie:
            check_cookie_origin(connection, services.settings.server.cors_origins)
            return await authenticator.authenticate_token(cookie)
    raise MissingCredentialsError


async def authenticate_by_key(scope: Scope) -> User:
    """Return the owner of the API key that a connection carries; tokens and cookies of a login are ignored.

    Raises:
        MissingCredentialsError: the connection carries no API key.
        InvalidKeyError: the API key is unknown or inactive.
        ExpiredKeyError: the API key has expired.

    """
    services: Services = scope["app"].state.headrace
    credentials = _read_credentials(scope["headers"])
    bearer = credentials.authorization.partition(" ")[2].strip()
    key = credentials.api_key or _query_api_key(scope["query_string"])
    if not key and not bearer.startswith(KEY_PREFIX):
        raise MissingCredentialsError
    return await services.authenticator.authenticate_key(key or bearer)


def _query_api_key(query: bytes) -> str:
    if _API_KEY_PARAMETER not in query:
        return ""
    return dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)).get(API_KEY_NAME, "")
