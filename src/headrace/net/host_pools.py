"""The connection pools of the hosts that are in use, or were recently. A pool in use is never closed."""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import httpcore2
import httpx2

from headrace.limits.fair_slots import FairSlots

if TYPE_CHECKING:
    from headrace.limits.account import Account
    from headrace.net.guarded_backend import AddressChecker, GuardedBackend

#: Hosts with a pool, which are divided among the accounts that opened them.
MAX_HOSTS = 128
#: Connections to a host that stay open while unused: to one that many users share, such as a model provider's, and to others.
MAX_IDLE_CONNECTIONS_OF_KNOWN_HOST = 64
MAX_IDLE_CONNECTIONS = 8
IDLE_CONNECTION_SECONDS = 30.0


class HostKey(NamedTuple):
    """A server: scheme, host and port."""

    scheme: str
    host: str
    port: int


class _HostTransport(httpx2.AsyncHTTPTransport):
    """The connections to one host."""

    def __init__(self, backend: GuardedBackend, tls: ssl.SSLContext, max_connections: int, max_idle: int) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=max_connections,
            max_keepalive_connections=max_idle,
            keepalive_expiry=IDLE_CONNECTION_SECONDS,
            network_backend=backend,
        )


@dataclass(slots=True)
class HostPool:
    """The connections to one host.

    Attributes:
        opener: the account whose share of hosts the pool counts against.
        slots: the requests to the host that may be in progress, which accounts share.
        users: the number of requests that use the pool or wait for it.
        last_used: the time of the event loop at which the last request ended, in seconds.

    """

    key: HostKey
    transport: _HostTransport
    opener: Account
    slots: FairSlots
    users: int = field(default=0)
    last_used: float = field(default=0.0)


class HostPools:
    """Opens a pool per host, and closes unused pools when there are too many."""

    def __init__(
        self,
        checker: AddressChecker,
        backend: GuardedBackend,
        tls_of: Callable[[str], ssl.SSLContext],
        max_connections_per_host: int,
    ) -> None:
        """Create an empty collection.

        Args:
            checker: knows the hosts that many users share.
            backend: opens connections.
            tls_of: returns the TLS context of a URL scheme.
            max_connections_per_host: the number of requests to one host at the same time.

        """
        self._checker = checker
        self._backend = backend
        self._tls_of = tls_of
        self._max_connections = max_connections_per_host
        self._pools: OrderedDict[HostKey, HostPool] = OrderedDict()
        self._hosts = FairSlots(MAX_HOSTS)
        #: Requests that wait for their account's share of hosts.
        self._waiting = 0

    def find(self, key: HostKey) -> HostPool | None:
        """Return the pool of a host and mark it as used, or None if there is none."""
        pool = self._pools.get(key)
        if pool is not None:
            self._pools.move_to_end(key)
            pool.users += 1
        return pool

    async def open(self, key: HostKey, account: Account) -> HostPool:
        """Open the pool of a host and mark it as used. Waits while the account uses its share of hosts."""
        while not self._hosts.try_acquire(account):
            if not await self._close_unused(account):
                await self._wait(account)
                break
        existing = self.find(key)
        if existing is not None:
            # Another request opened it while this one waited.
            self._hosts.release(account)
            return existing
        known = self._checker.is_known(key.host, key.port)
        max_idle = MAX_IDLE_CONNECTIONS_OF_KNOWN_HOST if known else MAX_IDLE_CONNECTIONS
        transport = _HostTransport(self._backend, self._tls_of(key.scheme), self._max_connections, max_idle)
        pool = self._pools[key] = HostPool(key, transport, account, FairSlots(self._max_connections), users=1)
        return pool

    async def _wait(self, account: Account) -> None:
        self._waiting += 1
        try:
            await self._hosts.acquire(account)
        finally:
            self._waiting -= 1

    async def leave(self, pool: HostPool) -> None:
        """Mark the end of a use. An unused pool is closed if a request waits for its account's share of hosts."""
        pool.users -= 1
        pool.last_used = asyncio.get_running_loop().time()
        if self._waiting:
            await self._close_if_unused(pool)

    async def _close_unused(self, account: Account) -> bool:
        """Close pools whose connections have expired, or else the account's own that is unused longest."""
        expiry = asyncio.get_running_loop().time() - IDLE_CONNECTION_SECONDS
        unused = [pool for pool in self._pools.values() if not pool.users]
        closing = [pool for pool in unused if pool.last_used < expiry]
        closing = closing or [pool for pool in unused if pool.opener.owner == account.owner][:1]
        for pool in closing:
            await self._close_if_unused(pool)
        return bool(closing)

    async def _close_if_unused(self, pool: HostPool) -> None:
        # No await between the check and the removal: a request that starts meanwhile opens another pool.
        if not pool.users and self._pools.get(pool.key) is pool:
            del self._pools[pool.key]
            self._hosts.release(pool.opener)
            await pool.transport.aclose()

    async def close_all(self) -> None:
        """Close every connection."""
        pools = list(self._pools.values())
        self._pools.clear()
        for pool in pools:
            await pool.transport.aclose()
