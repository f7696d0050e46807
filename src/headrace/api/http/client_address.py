"""The address of a client, by which anonymous callers are counted."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The prefix of IPv6 addresses that one client controls: providers assign at least a /64 to each line.
IPV6_PREFIX_BITS = 64
#: Addresses that a trusted proxy reports are at most this long; the text is part of keys in memory.
MAX_ADDRESS_CHARACTERS = 64
#: Reduced addresses in memory; parsing takes about 5 µs.
_MAX_CACHED_ADDRESSES = 4096


def client_address(scope: Mapping[str, Any]) -> str:
    """Return the address that a connection comes from, or an empty text if it has none.

    The server replaces the address of a trusted proxy by the one that the proxy reports, see `HEADRACE_TRUSTED_PROXIES`.

    Args:
        scope: the ASGI scope of an HTTP request or a WebSocket.

    Returns:
        An IPv4 address, or the /64 network of an IPv6 address.

    """
    client = scope.get("client")
    if not client or not client[0]:
        return ""
    host: str = client[0]
    return reduce_address(host) if ":" in host else host[:MAX_ADDRESS_CHARACTERS]


@lru_cache(_MAX_CACHED_ADDRESSES)
def _reduce(host: str) -> str:
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), IPV6_PREFIX_BITS), strict=False))


def reduce_address(host: str) -> str:
    """Return the /64 network of an IPv6 address, and any other text unchanged but cut to a maximum length."""
    return _reduce(host[:MAX_ADDRESS_CHARACTERS])
