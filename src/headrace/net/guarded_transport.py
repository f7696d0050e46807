"""An HTTP transport that connects to checked addresses, shares its connections fairly, and bounds each request.

Requests in progress are divided among accounts, in total and per host. A response is bounded in size, after decompression, and in
time, from the start of the request to the end of the body.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import httpx2

from headrace.limits.account import current_account
from headrace.limits.fair_slots import FairSlots
from headrace.net.guarded_backend import AddressChecker, GuardedBackend
from headrace.net.host_pools import HostKey, HostPool, HostPools
from headrace.net.limits import EgressLimits, RequestTimeLimitError, ResponseTooLargeError, TooManyConnectionsError

if TYPE_CHECKING:
    from headrace.limits.account import Account

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(slots=True)
class _Lease:
    """A request in progress: its place in a pool and in the shares of its account."""

    pools: HostPools
    pool: HostPool
    slots: FairSlots
    account: Account
    has_host_slot: bool = False
    has_slot: bool = False

    def acquire_now(self) -> bool:
        """Take both places if no wait is needed, and return whether that was so."""
        if not self.pool.slots.acquire_in_turn(self.account):
            return False
        self.has_host_slot = True
        self.has_slot = self.slots.acquire_in_turn(self.account)
        return self.has_slot

    async def acquire(self) -> None:
        """Wait for a place among the requests to the host, and among all."""
        if not self.has_host_slot:
            await self.pool.slots.acquire(self.account)
            self.has_host_slot = True
        await self.slots.acquire(self.account)
        self.has_slot = True

    async def release(self) -> None:
        """Return the places."""
        if self.has_slot:
            self.slots.release(self.account)
        if self.has_host_slot:
            self.pool.slots.release(self.account)
        self.has_slot = self.has_host_slot = False
        await self.pools.leave(self.pool)


class _BoundedStream(httpx2.AsyncByteStream):
    """The body of a response, up to a number of bytes and a point in time. Closing it ends the request."""

    def __init__(self, stream: httpx2.AsyncByteStream, lease: _Lease, limits: EgressLimits, deadline: float) -> None:
        self._stream = stream
        self._lease: _Lease | None = lease
        self._limits = limits
        self._deadline = deadline
        self._host = lease.pool.key.host

    async def __aiter__(self) -> AsyncIterator[bytes]:
        time = asyncio.get_running_loop().time
        limit = self._limits.response_bytes
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > limit:
                raise ResponseTooLargeError(self._host, limit)
            if time() > self._deadline:
                raise RequestTimeLimitError(self._host, self._limits.request_seconds)
            yield chunk

    async def aclose(self) -> None:
        """Close the response."""
        lease, self._lease = self._lease, None
        try:
            await self._stream.aclose()
        finally:
            if lease is not None:
                await lease.release()


class _CompressedResponse(httpx2.Response):
    """A response whose size is bounded after decompression."""

    max_bytes = 0
    host = ""

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the decompressed body.

        Raises:
            ResponseTooLargeError: the body is larger than the limit.

        """
        size = 0
        async for chunk in super().aiter_bytes(chunk_size):
            size += len(chunk)
            if size > self.max_bytes:
                raise ResponseTooLargeError(self.host, self.max_bytes)
            yield chunk


class _LoopTransport:
    """The connections of one event loop."""

    def __init__(self, checker: AddressChecker, limits: EgressLimits) -> None:
        self._limits = limits
        self._slots = FairSlots(limits.connections)
        self.pools = HostPools(checker, GuardedBackend(checker), self._tls_of, limits.connections_per_host)

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        # Loading the certificates is slower than many requests.
        return httpx2.create_ssl_context(trust_env=False)

    @functools.cached_property
    def _no_tls(self) -> ssl.SSLContext:
        # A plain connection never uses it; a context without certificates is cheap to create.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def _tls_of(self, scheme: str) -> ssl.SSLContext:
        return self._tls if scheme == "https" else self._no_tls

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return its response, whose body is read later."""
        deadline = asyncio.get_running_loop().time() + self._limits.request_seconds
        lease = await self._lease(request)
        try:
            try:
                async with asyncio.timeout_at(deadline) as limit:
                    response = await lease.pool.transport.handle_async_request(request)
            except TimeoutError as error:
                if not limit.expired():
                    raise
                raise RequestTimeLimitError(lease.pool.key.host, self._limits.request_seconds) from error
        except BaseException:
            await lease.release()
            raise
        return self._bounded(response, lease, deadline)

    async def _lease(self, request: httpx2.Request) -> _Lease:
        url = request.url
        key = HostKey(url.scheme, url.host, url.port or _DEFAULT_PORTS.get(url.scheme, 0))
        account = current_account.get()
        pool = self.pools.find(key)
        lease = _Lease(self.pools, pool, self._slots, account) if pool is not None else None
        # Nearly all requests go on at once and need no time limit.
        if lease is not None and lease.acquire_now():
            return lease
        try:
            async with asyncio.timeout(self._limits.wait_seconds):
                if lease is None:
                    lease = _Lease(self.pools, await self.pools.open(key, account), self._slots, account)
                await lease.acquire()
        except BaseException as error:
            if lease is not None:
                await lease.release()
            if isinstance(error, TimeoutError):
                raise TooManyConnectionsError(key.host, self._limits.wait_seconds) from error
            raise
        return lease

    def _bounded(self, response: httpx2.Response, lease: _Lease, deadline: float) -> httpx2.Response:
        assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101 - an asynchronous transport's response
        stream = _BoundedStream(response.stream, lease, self._limits, deadline)
        if response.headers.get("content-encoding", "identity") == "identity":
            response.stream = stream
            return response
        bounded = _CompressedResponse(
            response.status_code, headers=response.headers.raw, stream=stream, extensions=response.extensions
        )
        bounded.max_bytes = self._limits.response_bytes
        bounded.host = lease.pool.key.host
        return bounded


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Sends requests over guarded connections, which belong to the event loop that opened them."""

    def __init__(self, checker: AddressChecker, limits: EgressLimits) -> None:
        self._checker = checker
        self._limits = limits
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopTransport] = WeakKeyDictionary()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request."""
        loop = asyncio.get_running_loop()
        transport = self._by_loop.get(loop)
        if transport is None:
            transport = self._by_loop[loop] = _LoopTransport(self._checker, self._limits)
        return await transport.send(request)

    async def aclose(self) -> None:
        """Do nothing: other clients share the connections."""

    async def close_all(self) -> None:
        """Close every connection of the current event loop."""
        transport = self._by_loop.pop(asyncio.get_running_loop(), None)
        if transport is not None:
            await transport.pools.close_all()
