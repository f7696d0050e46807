"""Opens WebSockets to checked addresses only.

A redirect is an error: its target would be another server than the one that was checked.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from headrace.errors import BadGatewayError
from headrace.net.guarded_backend import MAX_ATTEMPTED_ADDRESSES, AddressChecker
from headrace.net.urls import displayed_url

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

#: The maximum size of a message from the other side, in bytes.
MAX_MESSAGE_BYTES = 4 << 20
#: Messages that wait to be read. Beyond it, nothing is read from the network.
MAX_WAITING_MESSAGES = 16
#: Time for the connection and the handshake.
OPEN_SECONDS = 10.0
#: Time for the other side to answer the closing handshake.
CLOSE_SECONDS = 2.0
PING_INTERVAL_SECONDS = 20.0
#: Time after which the system closes a connection whose other side acknowledges nothing.
UNACKNOWLEDGED_MILLISECONDS = 60_000
_DEFAULT_PORTS = {"ws": 80, "wss": 443}


class SocketError(BadGatewayError):
    """A WebSocket cannot be opened."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"The connection to {displayed_url(url)} failed: {problem}. Check the address, or try again.")


async def open_socket(checker: AddressChecker, url: str, headers: Mapping[str, str]) -> ClientConnection:
    """Return an open WebSocket.

    Args:
        checker: decides which addresses may be connected to.
        url: a URL with the scheme ws or wss.
        headers: the headers of the handshake.

    Raises:
        EgressError: the host is not allowed.
        SocketError: the server does not accept the connection.

    """
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus, WebSocketException

    parts = urlsplit(url)
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            tcp = await _connect_tcp(
                checker, (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS[parts.scheme]
            )
            try:
                return await connect(
                    url,
                    sock=tcp,
                    additional_headers=headers,
                    proxy=None,
                    # Audio does not become smaller, and compression delays it.
                    compression=None,
                    open_timeout=None,
                    ping_interval=PING_INTERVAL_SECONDS,
                    # The answer to a ping may wait behind audio that the client has not read yet.
                    ping_timeout=None,
                    close_timeout=CLOSE_SECONDS,
                    max_size=MAX_MESSAGE_BYTES,
                    max_queue=MAX_WAITING_MESSAGES,
                )
            except BaseException:
                tcp.close()
                raise
    except InvalidStatus as error:
        raise SocketError(url, f"the server answered with status {error.response.status_code}") from error
    except TimeoutError as error:
        raise SocketError(url, f"no answer within {OPEN_SECONDS:g} s") from error
    except OSError as error:
        raise SocketError(url, error.strerror or "the host is not reachable") from error
    except (WebSocketException, ValueError) as error:
        raise SocketError(url, "the server does not speak the WebSocket protocol") from error


async def _connect_tcp(checker: AddressChecker, host: str, port: int) -> socket.socket:
    addresses = (await checker.addresses(host, port))[:MAX_ATTEMPTED_ADDRESSES]
    for address in addresses[:-1]:
        try:
            return await _connect_address(address, port)
        except OSError:
            continue
    return await _connect_address(addresses[-1], port)


async def _connect_address(address: str, port: int) -> socket.socket:
    tcp = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        tcp.setblocking(False)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MILLISECONDS)
        await asyncio.get_running_loop().sock_connect(tcp, (address, port))
    except BaseException:
        tcp.close()
        raise
    return tcp
