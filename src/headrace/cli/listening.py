"""Open the sockets on which the server listens, before anything else is started."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

from headrace.settings import SettingsError

if TYPE_CHECKING:
    from headrace.settings import ServerSettings

#: Connections that wait to be accepted; the value of uvicorn.
BACKLOG = 2048


def open_sockets(server: ServerSettings) -> list[socket.socket]:
    """Return listening sockets for every address of the configured host.

    Connections wait until the server accepts them, so a client that is faster than the start is not refused.

    Raises:
        SettingsError: The address cannot be used. The message names the remedy.

    """
    sockets: list[socket.socket] = []
    try:
        port = server.port
        for family, address in _addresses(server.host):
            sockets.append(_listen(family, address, port))
            # Port 0 lets the system choose; all addresses share its choice.
            port = port or sockets[0].getsockname()[1]
    except OSError as error:
        for opened in sockets:
            opened.close()
        raise SettingsError(_explain(error, server)) from error
    return sockets


def base_url(server: ServerSettings, sockets: list[socket.socket]) -> str:
    """Return the URL at which a client on this machine reaches the server."""
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"http://{host}:{sockets[0].getsockname()[1]}"


def _addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses: set[tuple[socket.AddressFamily, str]] = {
        (family, str(address[0])) for family, _type, _protocol, _name, address in found
    }
    # IPv4 first; `localhost` has an IPv6 address even on machines without IPv6.
    ordered = sorted(addresses, key=lambda item: item[0] == socket.AF_INET6)
    if len(ordered) > 1:
        ordered = [item for item in ordered if item[0] != socket.AF_INET6 or _has_ipv6(item[1])]
    return ordered


def _has_ipv6(address: str) -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True


def _listen(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((address, port))
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _explain(error: OSError, server: ServerSettings) -> str:
    host, port = server.host, server.port
    if isinstance(error, socket.gaierror):
        return f"The host name {host!r} has no address: {error.strerror}. Set --host to an address of this machine."
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"Port {port} of {host} is in use. Stop the program that uses it, or choose another port with --port."
            )
        case errno.EADDRNOTAVAIL:
            return (
                f"This machine does not have the address {host}. Set --host to one of its addresses, such as 127.0.0.1, or to "
                "0.0.0.0 for all of them."
            )
        case errno.EACCES | errno.EPERM:
            return f"Port {port} needs a permission that this user does not have. Choose a port from 1024 with --port."
    return f"The server cannot listen on {host}, port {port}: {error.strerror}. Check --host and --port."
