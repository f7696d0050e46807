"""Limits of a connection: the time in which a request arrives, the size of its headers, and connections per address.

uvicorn has none of these limits: it waits for headers without end, buffers headers of any size, and parses any number of
pipelined requests. Whether a body belongs to a caller with credentials is read from the request's scope, where
authentication stores the user.
"""

from __future__ import annotations

import ipaddress
import socket
from collections import Counter, deque
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from headrace.api.http.client_address import client_address

if TYPE_CHECKING:
    import asyncio

    from headrace.settings import ServerSettings

#: The maximum number of headers of a request.
MAX_HEADERS = 100
#: The maximum number of requests of a connection that wait for the response to an earlier one.
MAX_PIPELINED_REQUESTS = 16
#: The rest of a body that is read and dropped after the response, so that a client that still sends sees the response.
MAX_DROPPED_BYTES = 1 << 20
#: The rate below which a transfer counts as stalled.
MIN_BYTES_PER_SECOND = 1000
#: How often the deadlines of a connection that is waiting for its client are checked.
CHECK_INTERVAL_SECONDS = 1.0
#: The time that a client has to read the reason for which its connection is closed.
LINGER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The limits of a connection, in bytes and seconds."""

    max_connections_per_address: int
    max_header_bytes: int
    headers_seconds: float
    anonymous_body_seconds: float
    stall_seconds: float
    trusted_proxies: tuple[str, ...] = ()

    @classmethod
    def from_settings(cls, settings: ServerSettings) -> ConnectionLimits:
        """Return the limits that the settings define."""
        return cls(
            max_connections_per_address=settings.max_connections_per_address,
            max_header_bytes=settings.max_header_bytes,
            headers_seconds=settings.headers_timeout_seconds,
            anonymous_body_seconds=settings.anonymous_body_timeout_seconds,
            stall_seconds=settings.stall_timeout_seconds,
            trusted_proxies=tuple(settings.trusted_proxies),
        )

    @property
    def check_seconds(self) -> float:
        """Return the interval of checks, which is shorter than any of the deadlines."""
        return min(
            CHECK_INTERVAL_SECONDS, self.headers_seconds / 2, self.anonymous_body_seconds / 2, self.stall_seconds / 2
        )


@dataclass(slots=True)
class ConnectionCounter:
    """The number of open connections of a server process, by client address."""

    limits: ConnectionLimits
    _open: Counter[str] = field(default_factory=Counter)

    def add(self, address: str, host: str) -> bool:
        """Count a connection, and return whether it is within the limit."""
        self._open[address] += 1
        return self._open[address] <= self.limits.max_connections_per_address or self._is_proxy(host)

    def remove(self, address: str) -> None:
        """Stop counting a connection."""
        self._open[address] -= 1
        if self._open[address] <= 0:
            del self._open[address]

    @property
    def total(self) -> int:
        """The number of open connections."""
        return self._open.total()

    def _is_proxy(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in ipaddress.ip_network(proxy) for proxy in self.limits.trusted_proxies)


@cache
def connection_counter(limits: ConnectionLimits) -> ConnectionCounter:
    """Return the counter of this process for these limits."""
    return ConnectionCounter(limits)


class _Phase(Enum):
    HEADERS = auto()
    BODY = auto()
    #: The request is complete; its response may still be sent. Idle connections are closed by uvicorn.
    COMPLETE = auto()


def create_http_protocol(*args: Any, limits: ConnectionLimits, **options: Any) -> BoundedHttpProtocol:
    """Return the protocol of a new connection of this process, in a form that uvicorn can pass to its processes."""
    return BoundedHttpProtocol(*args, counter=connection_counter(limits), **options)


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with the limits of `ConnectionLimits`.

    A request that arrives in one piece, as nearly all do, starts no timer.
    """

    def __init__(self, *args: Any, counter: ConnectionCounter, **options: Any) -> None:
        super().__init__(*args, **options)
        self._counter = counter
        self._limits = counter.limits
        self._address = ""
        self._phase = _Phase.HEADERS
        #: The time at which the server began to wait for the rest of the headers or of the body; 0 if it does not wait.
        self._since = 0.0
        #: Bytes since the last request ended, its headers were complete, or a piece of its body was parsed.
        self._unparsed_bytes = 0
        self._window_bytes = 0
        self._window_start = 0.0
        self._dropped_bytes = 0
        #: Whether no further byte is read: the connection is being closed, or belongs to a WebSocket.
        self._is_closing = False
        self._is_counted = False
        #: The requests whose response is not complete, oldest first. uvicorn knows only the newest.
        self._unanswered: deque[RequestResponseCycle] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._unsent_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start a connection, unless its address has too many."""
        super().connection_made(transport)
        self._address = client_address({"client": self.client})
        self._since = self.loop.time()
        self._is_counted = True
        if self._counter.add(self._address, self.client[0] if self.client else ""):
            self._watch()
            return
        limit = self._limits.max_connections_per_address
        self._refuse(
            429,
            f"Your address has more than {limit} connections. An operator can raise HEADRACE_MAX_CONNECTIONS_PER_ADDRESS.",
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting and watching the connection."""
        self._stop_counting()
        for timer in (self._timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        self._disconnect()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over to the WebSocket protocol, which authentication accepts or denies at once."""
        self._is_closing = True
        self._stop_counting()
        connection = self.transport.get_extra_info("socket")
        if connection is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            # A client that never reads again would otherwise keep the connection open after the end of its session.
            milliseconds = int(self._limits.stall_seconds * 1000)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        super().handle_websocket_upgrade()

    def _stop_counting(self) -> None:
        if self._is_counted:
            self._is_counted = False
            self._counter.remove(self._address)

    def data_received(self, data: bytes) -> None:
        """Parse a piece of a request, and watch the connection if more is to come."""
        if self._is_closing:
            return
        self._unparsed_bytes += len(data)
        super().data_received(data)
        if self._is_closing:
            return
        if self._phase is _Phase.COMPLETE:
            cycle = self.cycle
            if cycle is None or not cycle.response_complete or self.timeout_keep_alive_task is not None:
                return
            # Line breaks before a request, or the end of a body after the response: uvicorn stopped its own timer.
            self._phase, self._since = _Phase.HEADERS, 0.0
        if not self._since:
            self._since = self._window_start = self.loop.time()
        if self._unparsed_bytes > self._limits.max_header_bytes:
            self._refuse_headers()
        elif self._timer is None:
            self._watch()

    def on_message_begin(self) -> None:
        """Start a request."""
        if self._is_closing:
            return
        self._phase, self._since = _Phase.HEADERS, 0.0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Start to handle a request, unless its headers are too large or too many requests are waiting."""
        if self._is_closing:
            return
        # The size is added up only if the piece that completed the headers made it possible that they are too large.
        if len(self.headers) > MAX_HEADERS or (
            self._unparsed_bytes > self._limits.max_header_bytes
            and self._header_bytes() > self._limits.max_header_bytes
        ):
            self._refuse_headers()
            return
        if len(self._unanswered) > MAX_PIPELINED_REQUESTS:
            # The last request that is answered closes the connection, and the client repeats the others (RFC 9112, 9.3.2).
            self._unanswered[-1].keep_alive = False
            self._is_closing = True
            return
        self._phase, self._since = _Phase.BODY, 0.0
        self._unparsed_bytes = self._window_bytes = self._dropped_bytes = 0
        super().on_headers_complete()
        if self.cycle is not None and self.cycle.scope is self.scope:
            self._unanswered.append(self.cycle)
            # Headers after a body (trailers) are dropped: authentication has already read the headers.
            self.headers = []

    def on_response_complete(self) -> None:
        """Continue with the next request of the connection."""
        self._unanswered.popleft()
        super().on_response_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on, or drop it after the response."""
        if self._is_closing:
            return
        self._unparsed_bytes = 0
        self._window_bytes += len(body)
        if self.cycle.response_complete:
            self._dropped_bytes += len(body)
            if self._dropped_bytes > MAX_DROPPED_BYTES:
                self._close()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        if self._is_closing:
            return
        self._phase = _Phase.COMPLETE
        self._unparsed_bytes = 0
        super().on_message_complete()

    def _header_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _watch(self) -> None:
        self._timer = self.loop.call_later(self._limits.check_seconds, self._check)

    def _check(self) -> None:
        """Close the connection if its client has missed a deadline, or watch on while a request is incomplete."""
        self._timer = None
        if self._phase is _Phase.COMPLETE or self._is_closing or self.transport.is_closing():
            return
        now, limits = self.loop.time(), self._limits
        if self._phase is _Phase.HEADERS:
            if now - self._since > limits.headers_seconds:
                if not self._unparsed_bytes:
                    # Browsers open connections in advance.
                    self._close()
                    return
                self._refuse_slow("headers", limits.headers_seconds, "HEADRACE_HEADERS_TIMEOUT_SECONDS")
        elif not self._is_authenticated():
            if now - self._since > limits.anonymous_body_seconds and not self.flow.read_paused:
                seconds = limits.anonymous_body_seconds
                self._refuse_slow("body", seconds, "HEADRACE_ANONYMOUS_BODY_TIMEOUT_SECONDS")
        elif self.flow.read_paused:
            # The server itself has stopped reading, because it is storing what has arrived.
            self._window_start, self._window_bytes = now, 0
        elif now - self._window_start > limits.stall_seconds:
            if self._window_bytes < MIN_BYTES_PER_SECOND * limits.stall_seconds:
                self._refuse_slow("body", limits.stall_seconds, "HEADRACE_STALL_TIMEOUT_SECONDS")
            self._window_start, self._window_bytes = now, 0
        if not self._is_closing:
            self._watch()

    def _is_authenticated(self) -> bool:
        return "user" in self.scope["state"]

    def pause_writing(self) -> None:
        """Watch a client that reads more slowly than the server writes."""
        super().pause_writing()
        self._unsent_bytes = self.transport.get_write_buffer_size()
        self._write_timer = self.loop.call_later(self._limits.stall_seconds, self._check_writing)

    def resume_writing(self) -> None:
        """Stop watching a client that has caught up."""
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        super().resume_writing()

    def _check_writing(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        if self._unsent_bytes - unsent < MIN_BYTES_PER_SECOND * self._limits.stall_seconds:
            self._disconnect()
            self.transport.abort()
            return
        self._unsent_bytes = unsent
        self._write_timer = self.loop.call_later(self._limits.stall_seconds, self._check_writing)

    def _refuse_headers(self) -> None:
        limit = self._limits.max_header_bytes
        self._refuse(
            431,
            f"The request has more than {MAX_HEADERS} headers, or its headers are larger than {limit} bytes. An operator "
            "can raise HEADRACE_MAX_HEADER_BYTES.",
        )

    def _refuse_slow(self, part: str, seconds: float, setting: str) -> None:
        self._refuse(
            408, f"The {part} of the request did not arrive within {seconds:g} s. An operator can raise {setting}."
        )

    def _refuse(self, status: int, message: str) -> None:
        """Close the connection, with a response unless one has been started or an earlier one is pending."""
        pending = self._unanswered
        is_own_turn = len(pending) == 1 and self._phase is _Phase.BODY and not pending[0].response_started
        if not pending or is_own_turn:
            body = orjson.dumps({"detail": message})
            self.transport.write(
                b"%scontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
                % (STATUS_LINE[status], len(body), body)
            )
        self._close()

    def _close(self) -> None:
        """Close the connection, and abort it if its client does not read the rest."""
        self._disconnect()
        self.transport.close()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _disconnect(self) -> None:
        """Tell the application at once that nobody waits for its responses: the transport reports it later."""
        self._is_closing = True
        for cycle in self._unanswered:
            cycle.disconnected = True
            cycle.message_event.set()
