"""Guarded access to the network: every host is resolved, checked and pinned when a connection is opened."""

from __future__ import annotations

from collections.abc import Iterable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

import httpx2

from headrace.errors import HeadraceError
from headrace.net.addresses import Address, Network, is_listed, is_public, parse_address, parse_network
from headrace.net.client_cache import ClientCache
from headrace.net.guarded_transport import GuardedTransport
from headrace.net.limits import EgressLimits
from headrace.net.name_resolver import NameResolver
from headrace.net.urls import displayed_url

MAX_REDIRECTS = 5

#: Headers that a redirect to another server keeps. All others may contain credentials.
_HARMLESS_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "user-agent",
    }
)
#: The request extension with the origin of the first request of a chain of redirects.
_FIRST_ORIGIN = "headrace_first_origin"


class EgressError(HeadraceError):
    """A component may not connect to this host."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host} is a private or local address, which components may not connect to. "
            f"An operator can allow it by adding the host to LANGFLOW_SSRF_ALLOWED_HOSTS."
        )


class EgressGuard:
    """Decides which hosts components may connect to, and creates HTTP clients that connect to no others."""

    def __init__(
        self,
        *,
        enabled: bool,
        allowed: Iterable[str],
        operator_urls: Iterable[str] = (),
        provider_urls: Iterable[str] = (),
        limits: EgressLimits | None = None,
    ) -> None:
        """Create a guard.

        Args:
            enabled: False allows every host.
            allowed: host names, addresses and networks (CIDR) that are allowed although they are private.
            operator_urls: URLs of model servers that the operator set in the environment; their hosts and ports are
                allowed.
            provider_urls: URLs of model providers' own servers. They are checked like others; more connections to them
                stay open, because many users share them.
            limits: limits of connections and name lookups; None for the defaults.

        """
        limits = limits or EgressLimits()
        self._enabled = enabled
        self._hosts: set[str] = set()
        self._networks: list[Network] = []
        for entry in allowed:
            network = parse_network(entry)
            if network is None:
                self._hosts.add(entry.lower())
            else:
                self._networks.append(network)
        self._endpoints = {_endpoint(url) for url in operator_urls if url}
        self._provider_endpoints = {_endpoint(url) for url in provider_urls if url}
        self._resolver = NameResolver(limits.lookups, limits.lookup_seconds)
        self._transport = GuardedTransport(self, limits)
        self.clients = ClientCache(self._client_without_cookies)

    def allow_endpoint(self, url: str) -> None:
        """Allow the host and port of a URL, such as the local model's."""
        self._endpoints.add(_endpoint(url))

    def check(self, url: str) -> None:
        """Check a URL without resolving its host, before a secret is put into a request.

        Raises:
            EgressError: the scheme is not http(s), or the host is a literal address that is not allowed.

        """
        try:
            parts = urlsplit(url)
            host, port = _endpoint(url)
        except ValueError:
            raise EgressError(displayed_url(url)) from None
        if parts.scheme not in {"http", "https"} or not host:
            raise EgressError(displayed_url(url))
        if self._is_trusted(host, port):
            return
        address = parse_address(host)
        if host == "localhost" or host.endswith(".localhost") or (address is not None and not self._is_open(address)):
            raise EgressError(host)

    def is_known(self, host: str, port: int) -> bool:
        """Return whether the operator configured a host, or it is a model provider's."""
        return self._is_trusted(host, port) or (host, port) in self._provider_endpoints

    def _is_trusted(self, host: str, port: int) -> bool:
        return not self._enabled or host in self._hosts or (host, port) in self._endpoints

    def _is_open(self, address: Address) -> bool:
        return is_listed(address, self._networks) or is_public(address)

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host that may be connected to.

        Raises:
            EgressError: one of its addresses is not allowed.
            OSError: the name does not resolve in time.

        """
        addresses = await self._resolver.resolve(host, port)
        if not self._is_trusted(host, port):
            parsed = [parse_address(address) for address in addresses]
            if not all(address is not None and self._is_open(address) for address in parsed):
                raise EgressError(host)
        return addresses

    def client(self, timeout: float) -> httpx2.AsyncClient:
        """Return a guarded HTTP client, for any event loop. All clients of a loop share connection pools.

        Args:
            timeout: the limit of the connection and of each wait for bytes, in seconds.

        """
        return self._client(timeout)

    def _client_without_cookies(self, timeout: float) -> httpx2.AsyncClient:
        """Return a client that stores no cookies, because several users share it."""
        return self._client(timeout, CookieJar(DefaultCookiePolicy(allowed_domains=[])))

    def _client(self, timeout: float, cookies: CookieJar | None = None) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            transport=self._transport,
            timeout=timeout,
            cookies=cookies,
            follow_redirects=True,
            max_redirects=MAX_REDIRECTS,
            trust_env=False,
            event_hooks={"request": [_drop_secrets_after_redirect]},
        )

    #: The connections of a client belong to the event loop that uses it, so each client suits every loop.
    unshared_client = client

    async def close(self) -> None:
        """Close the connections that the clients share."""
        await self._transport.close_all()
        self._resolver.close()


async def _drop_secrets_after_redirect(request: httpx2.Request) -> None:
    """Remove the headers that may contain credentials from a request that a redirect sends to another server.

    The client calls this function for every request. It removes only `Authorization` itself.
    """
    url = request.url
    first = request.extensions.setdefault(_FIRST_ORIGIN, url)
    if first is url or first.origin == url.origin or _is_upgrade(first, url):
        return
    for name in [name for name in request.headers if name.lower() not in _HARMLESS_HEADERS]:
        del request.headers[name]


def _is_upgrade(first: httpx2.URL, url: httpx2.URL) -> bool:
    """Return whether a URL is the same server's with TLS, both on the default ports."""
    return (first.scheme, url.scheme) == ("http", "https") and first.host == url.host and first.port is url.port is None


def _endpoint(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)
