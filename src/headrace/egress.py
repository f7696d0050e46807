"""The one guarded way out: every address is checked when it is connected, and that address is the one used."""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import socket
import ssl
from collections import OrderedDict
from collections.abc import Iterable
from urllib.parse import urlsplit

import httpx2

from headrace.errors import HeadraceError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Connections are kept open to so many hosts.
HOSTS_KEPT = 256

#: Shared address space (RFC 6598): private in all but name.
_SHARED = ipaddress.ip_network("100.64.0.0/10")


class EgressError(HeadraceError):
    """An address may not be reached; says which and how an operator allows it."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host} is a private or local address, and components may not reach those. "
            f"An operator can allow it by adding the host to LANGFLOW_SSRF_ALLOWED_HOSTS."
        )


class GuardedEgress:
    """Decides which hosts may be reached and hands out clients that keep to it."""

    def __init__(self, *, enabled: bool, allowed: Iterable[str], operator_urls: Iterable[str] = ()) -> None:
        """Set up the guard.

        Args:
            enabled: False lets everything through.
            allowed: host names, addresses and networks (CIDR) that may be reached all the same.
            operator_urls: addresses of model servers that the operator set in the environment.

        """
        self._enabled = enabled
        self._hosts: set[str] = set()
        self._networks: list[Network] = []
        for entry in allowed:
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                self._hosts.add(entry.lower())
        self._endpoints = {_endpoint(url) for url in operator_urls if url}
        self._transport = _GuardedTransport(self)

    def allow_endpoint(self, url: str) -> None:
        """Allow one host and port of the server's own making, such as the local model's."""
        self._endpoints.add(_endpoint(url))

    def check(self, url: str) -> None:
        """Refuse a URL that is plainly not to be fetched, before a secret is put into a request.

        Raises:
            EgressError: the scheme isn't http(s), or the host is an address that is not allowed.

        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise EgressError(url)
        host, port = _endpoint(url)
        if self._is_trusted(host, port):
            return
        address = _as_address(host)
        if host == "localhost" or host.endswith(".localhost") or (address is not None and not self._is_open(address)):
            raise EgressError(host)

    def _is_trusted(self, host: str, port: int) -> bool:
        return not self._enabled or host in self._hosts or (host, port) in self._endpoints

    def _is_open(self, address: Address) -> bool:
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        real = mapped or address
        if any(real.version == n.version and real in n for n in self._networks):
            return True
        return real.is_global and not real.is_multicast and not (real.version == 4 and real in _SHARED)

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host that may be connected to.

        Raises:
            EgressError: it has none that may; one refused address refuses the host.
            OSError: the name doesn't resolve.

        """
        info = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        found = list(dict.fromkeys(str(entry[4][0]) for entry in info))
        if not self._is_trusted(host, port) and not all(self._is_open(ipaddress.ip_address(a)) for a in found):
            raise EgressError(host)
        return found

    def client(self, timeout: float) -> httpx2.AsyncClient:
        """Return an HTTP client whose every request, redirects included, is guarded; `timeout` in seconds."""
        return httpx2.AsyncClient(
            transport=self._transport, timeout=timeout, follow_redirects=True, max_redirects=5, trust_env=False
        )

    async def close(self) -> None:
        """Close the connections that all clients share."""
        await self._transport.close_all()


def _endpoint(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


def _as_address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        # 127.1, 0x7f000001 and 2130706433 are addresses too, to those who connect.
        return ipaddress.ip_address(socket.inet_ntoa(socket.inet_aton(host)))
    except OSError:
        return None


class _GuardedTransport(httpx2.AsyncBaseTransport):
    """Resolves, checks, and sends to the very address that was checked, under the host's own name.

    Each host has connections of its own: two names on one address never share a TLS session.
    """

    def __init__(self, egress: GuardedEgress) -> None:
        self._egress = egress
        self._by_host: OrderedDict[str, httpx2.AsyncHTTPTransport] = OrderedDict()

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        # Reading the certificates takes longer than many a request: once a process.
        return httpx2.create_ssl_context()

    async def _transport_of(self, host: str) -> httpx2.AsyncHTTPTransport:
        if host not in self._by_host:
            self._by_host[host] = httpx2.AsyncHTTPTransport(verify=self._tls)
            if len(self._by_host) > HOSTS_KEPT:
                await self._by_host.popitem(last=False)[1].aclose()
        return self._by_host[host]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request to the first address of its host that answers, all of them allowed."""
        url = request.url
        self._egress.check(str(url))
        try:
            addresses = await self._egress.addresses(
                url.host.lower(), url.port or (443 if url.scheme == "https" else 80)
            )
        except OSError as error:
            raise httpx2.ConnectError(f"{url.host} cannot be found: {error.strerror}", request=request) from error
        transport = await self._transport_of(url.host)
        request.extensions = {**request.extensions, "sni_hostname": url.host}
        for address in addresses[:-1]:
            request.url = url.copy_with(host=address)
            try:
                return await transport.handle_async_request(request)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        request.url = url.copy_with(host=addresses[-1])
        try:
            return await transport.handle_async_request(request)
        finally:
            request.url = url

    async def aclose(self) -> None:
        """Keep the connections: other clients share them."""

    async def close_all(self) -> None:
        """Close every connection."""
        for transport in self._by_host.values():
            await transport.aclose()
