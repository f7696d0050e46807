"""Replace the connection methods of Python's `socket` module with requests to the server.

seccomp keeps a worker from opening sockets. Instead, the patched methods send requests to the server's `NetworkBroker`, which
checks the address, connects and passes the connected socket to the worker. Libraries that open connections in C have no
network access.
"""

from __future__ import annotations

import errno
import itertools
import os
import queue
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

import orjson

#: Time to resolve a name, and to connect a socket without a timeout, in seconds.
DEFAULT_TIMEOUT_SECONDS = 30.0
#: Time that the server may take longer than the timeout of a connection, in seconds.
_RESPONSE_GRACE_SECONDS = 5
#: Size of a response, in bytes.
_MAX_RESPONSE_BYTES = 65_536
_PORTS = {"http": 80, "https": 443}
_FAMILIES = (socket.AF_INET, socket.AF_INET6)


class BlockedAddressError(PermissionError):
    """The server does not allow connections to an address. The message names the address and the setting that allows it."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.EACCES, message)

    def __str__(self) -> str:
        return str(self.strerror)


class Network:
    """Sends network requests to the server. A thread receives the responses, which arrive in any order."""

    def __init__(self, channel: socket.socket) -> None:
        """Create a client; the first request starts the thread."""
        self._channel = channel
        self._request_ids = itertools.count(1)
        self._pending: dict[int, queue.SimpleQueue[tuple[dict[str, Any], list[int]]]] = {}
        self._lock = threading.Lock()
        self._receiver: threading.Thread | None = None

    def addresses(self, host: str, port: int) -> list[str]:
        """Return the IP addresses of a host.

        Raises:
            BlockedAddressError: the server does not allow connections to the host.
            socket.gaierror: the host is not found.

        """
        response, _ = self._request({"op": "resolve", "host": host, "port": port}, DEFAULT_TIMEOUT_SECONDS)
        return [str(a) for a in response["addresses"]]

    def connect(self, host: str, port: int, timeout: float) -> int:
        """Open a TCP connection and return its file descriptor.

        Raises:
            BlockedAddressError: the server does not allow connections to the address.
            OSError: the connection failed.

        """
        response, fds = self._request(
            {"op": "connect", "host": host, "port": port, "seconds": timeout}, timeout + _RESPONSE_GRACE_SECONDS
        )
        if not fds:
            raise OSError(errno.ECONNREFUSED, str(response))
        return fds[0]

    def _request(self, request: dict[str, Any], timeout: float) -> tuple[dict[str, Any], list[int]]:
        responses: queue.SimpleQueue[tuple[dict[str, Any], list[int]]] = queue.SimpleQueue()
        with self._lock:
            if self._receiver is None:
                self._receiver = threading.Thread(target=self._receive, name="network-responses", daemon=True)
                self._receiver.start()
            request_id = next(self._request_ids)
            self._pending[request_id] = responses
        try:
            self._channel.send(orjson.dumps({"id": request_id, **request}))
            response, fds = responses.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(errno.ETIMEDOUT, "The server did not respond to the network request in time.") from None
        finally:
            del self._pending[request_id]
        kind, message = response.get("kind"), str(response.get("error"))
        if kind == "blocked":
            raise BlockedAddressError(message)
        if kind == "unknown":
            raise socket.gaierror(socket.EAI_NONAME, message)
        if kind is not None:
            raise OSError(int(response.get("errno") or errno.ECONNREFUSED), message)
        return response, fds

    def _receive(self) -> None:
        """Receive responses until the server closes the channel."""
        while True:
            data, fds, _, _ = socket.recv_fds(self._channel, _MAX_RESPONSE_BYTES, 1)
            if not data:
                return
            response = orjson.loads(data)
            waiting = self._pending.get(response["id"])
            if waiting is not None:
                waiting.put((response, fds))
            else:
                # The request has timed out.
                for fd in fds:
                    os.close(fd)


_INIT: Callable[..., None] = socket.socket.__init__
_SETSOCKOPT: Callable[..., None] = socket.socket.setsockopt

#: Sockets that are not connected yet, with the options to set on the connection.
_unconnected: WeakKeyDictionary[socket.socket, list[tuple[Any, ...]]] = WeakKeyDictionary()


def install(network: Network) -> None:
    """Patch the `socket` module to open connections through `network`."""

    def init(self: socket.socket, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:  # noqa: A002
        if fileno is not None:
            _INIT(self, family, type, proto, fileno)
            return
        family = socket.AF_INET if family == -1 else family
        kind = (
            socket.SOCK_STREAM
            if type == -1
            else type & ~(getattr(socket, "SOCK_NONBLOCK", 0) | getattr(socket, "SOCK_CLOEXEC", 0))
        )
        if family not in _FAMILIES or kind != socket.SOCK_STREAM:
            raise BlockedAddressError("Isolated code may open TCP connections and no other sockets.")
        # A placeholder: `connect` replaces its file descriptor with that of the connection.
        placeholder, other = socket._socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)  # type: ignore[attr-defined]  # noqa: SLF001
        other.close()
        _INIT(self, family, socket.SOCK_STREAM, 0, placeholder.detach())
        _unconnected[self] = []

    def setsockopt(self: socket.socket, *option: Any) -> None:
        if self in _unconnected:
            _unconnected[self].append(option)
        else:
            _SETSOCKOPT(self, *option)

    def connect(self: socket.socket, address: Any) -> None:
        if self not in _unconnected:
            raise OSError(errno.EISCONN, os.strerror(errno.EISCONN))
        timeout = self.gettimeout()
        connection = network.connect(str(address[0]), int(address[1]), timeout or DEFAULT_TIMEOUT_SECONDS)
        try:
            os.dup2(connection, self.fileno(), inheritable=False)
        finally:
            os.close(connection)
        self.settimeout(timeout)
        for option in _unconnected.pop(self):
            _SETSOCKOPT(self, *option)

    def connect_ex(self: socket.socket, address: Any) -> int:
        try:
            connect(self, address)
        except OSError as error:
            return error.errno or errno.ECONNREFUSED
        return 0

    def sendmsg(
        self: socket.socket, buffers: Iterable[Any], ancdata: Iterable[Any] = (), flags: int = 0, address: Any = None
    ) -> int:
        # seccomp denies the system call, which could name an address.
        if address is not None or list(ancdata):
            raise BlockedAddressError("Isolated code may send data, without an address and without file descriptors.")
        return self.send(b"".join(buffers), flags)

    def getaddrinfo(
        host: Any,
        port: Any,
        family: int = 0,
        type: int = 0,  # noqa: A002
        proto: int = 0,
        flags: int = 0,
    ) -> list[tuple[Any, ...]]:
        name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
        number = _PORTS[port] if port in _PORTS else int(port or 0)
        addresses = [
            (socket.AF_INET6, (a, number, 0, 0)) if ":" in a else (socket.AF_INET, (a, number))
            for a in network.addresses(name, number)
        ]
        matches = [(f, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", a) for f, a in addresses if family in (0, f)]
        if not matches:
            raise socket.gaierror(socket.EAI_NONAME, f"{name} has no address of this family")
        return matches

    def gethostbyname(hostname: str) -> str:
        return str(getaddrinfo(hostname, 0, socket.AF_INET)[0][4][0])

    for name, replacement in (
        ("__init__", init),
        ("setsockopt", setsockopt),
        ("connect", connect),
        ("connect_ex", connect_ex),
        ("sendmsg", sendmsg),
    ):
        setattr(socket.socket, name, replacement)
    socket.getaddrinfo = getaddrinfo
    socket.gethostbyname = gethostbyname
