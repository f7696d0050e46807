"""Opens TCP connections to checked addresses only.

Hosts are resolved and checked per connection, not per request: the peer of a persistent connection is already checked,
and a name that changes its address later (DNS rebinding) is checked again for the next connection.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import httpcore2

#: Addresses of a host that are tried, one after the other.
MAX_ATTEMPTED_ADDRESSES = 8


class AddressChecker(Protocol):
    """Resolves hosts to the addresses that may be connected to."""

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, or raise an error if it may not be reached."""
        ...

    def is_known(self, host: str, port: int) -> bool:
        """Return whether the operator configured a host, or it is a model provider's."""
        ...


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Opens TCP connections to checked addresses only."""

    def __init__(self, checker: AddressChecker) -> None:
        self._checker = checker
        self._tcp = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature of the base class
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Return a connection to the first address of a host that accepts one.

        Raises:
            EgressError: the host is not allowed.
            httpcore2.ConnectError, httpcore2.ConnectTimeout: no address accepts a connection.

        """
        try:
            addresses = (await self._checker.addresses(host.lower(), port))[:MAX_ATTEMPTED_ADDRESSES]
        except OSError as error:
            raise httpcore2.ConnectError(f"Host {host} cannot be resolved: {error.strerror}") from error
        for address in addresses[:-1]:
            try:
                return await self._tcp.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._tcp.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature of the base class
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Raise an error: components may not connect to Unix sockets."""
        raise httpcore2.ConnectError("Unix sockets are not supported.")

    async def sleep(self, seconds: float) -> None:
        """Wait between two attempts to connect."""
        await self._tcp.sleep(seconds)
