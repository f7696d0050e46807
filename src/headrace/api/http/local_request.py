"""Requests from programs on the machine of the server."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

if TYPE_CHECKING:
    from starlette.types import Scope

#: Headers that proxies add. A proxy on this machine passes on requests of others.
_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def is_local(scope: Scope) -> bool:
    """Return whether a program on this machine sent a request, other than a page of another site in a browser.

    The host is checked because a name of a foreign site may resolve to the loopback address (DNS rebinding).
    """
    client = scope.get("client")
    headers = HTTPConnection(scope).headers
    if not client or not _is_loopback(client[0]) or any(name in headers for name in _PROXY_HEADERS):
        return False
    hosts = [f"//{headers.get('host', '')}", *([headers["origin"]] if "origin" in headers else [])]
    return all(_is_loopback(_host_of(url)) for url in hosts)


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
