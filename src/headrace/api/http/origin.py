"""The origin check: which pages of a browser may use its cookies, and open WebSockets.

An origin is a scheme, a host and a port (RFC 6454). Behind a proxy that terminates TLS, the server learns the scheme from
`X-Forwarded-Proto`, if the proxy is trusted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.auth.errors import CrossSiteError

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.requests import HTTPConnection

#: Methods that change nothing, so that a cookie sent from a page of another site does no harm.
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HTTP_SCHEMES = {"ws": "http", "wss": "https"}
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def check_cookie_origin(connection: HTTPConnection, allowed_origins: Collection[str]) -> None:
    """Raise CrossSiteError if a page of another site may have sent the cookie.

    Browsers attach cookies to requests from any page. Reading is harmless, since they hide the response from pages of other
    sites; they do not do that for a WebSocket, whose origin is therefore always checked.
    """
    if connection.scope["type"] == "http" and connection.scope["method"] in _SAFE_METHODS:
        return
    origin = connection.headers.get("origin")
    if origin is None:
        if connection.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise CrossSiteError
    elif not _is_own_origin(connection, origin) and origin not in allowed_origins:
        raise CrossSiteError


def check_socket_origin(connection: HTTPConnection, allowed_origins: Collection[str]) -> None:
    """Raise CrossSiteError if a page of another site opens a WebSocket, regardless of its credentials.

    Browsers apply CORS to requests, but not to WebSockets. Clients that are not browsers send no origin.
    """
    origin = connection.headers.get("origin")
    if origin is None or "*" in allowed_origins or origin in allowed_origins:
        return
    if not _is_own_origin(connection, origin):
        raise CrossSiteError


def _is_own_origin(connection: HTTPConnection, origin: str) -> bool:
    """Return whether an origin is the server's own: the same scheme, host and port."""
    scheme: str = connection.scope.get("scheme", "http")
    scheme = _HTTP_SCHEMES.get(scheme, scheme)
    origin_scheme, _, origin_host = origin.partition("://")
    host = connection.headers.get("host", "")
    if _without_default_port(origin_host, origin_scheme) != _without_default_port(host, origin_scheme):
        return False
    # A browser that states "same-origin" has compared the schemes. It knows the scheme in front of a proxy, too.
    return origin_scheme == scheme or connection.headers.get("sec-fetch-site") == "same-origin"


def _without_default_port(host: str, scheme: str) -> str:
    return host.lower().removesuffix(_DEFAULT_PORTS.get(scheme, ""))
