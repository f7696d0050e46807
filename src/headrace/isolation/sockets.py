"""The network as isolated code finds it: it asks for a connection, and the server makes it or refuses.

The kernel lets a worker open no socket (`seccomp`). What Python's `socket` does instead is here: a connection is asked for
over a channel to the server, which checks the address as it checks its own, connects, and passes the open socket on.
Libraries that connect in C find no network.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import orjson

#: A connection that may wait as long as it likes waits so long, seconds.
PATIENCE = 30.0
_ANSWER = 65_536
_PORTS = {"http": 80, "https": 443}
_FAMILIES = (socket.AF_INET, socket.AF_INET6)


class BlockedAddressError(PermissionError):
    """An address may not be reached; says which and how an operator allows it."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.EACCES, message)

    def __str__(self) -> str:
        return str(self.strerror)


class Network:
    """The worker's end of the channel."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host.

        Raises:
            BlockedAddressError: it may not be reached.
            socket.gaierror: it is not found.

        """
        answer, _ = self._ask({"op": "resolve", "host": host, "port": port}, PATIENCE)
        return [str(a) for a in answer["addresses"]]

    def connect(self, host: str, port: int, timeout: float) -> int:
        """Return an open connection's file descriptor.

        Raises:
            BlockedAddressError: the address may not be reached.
            OSError: nobody answers there.

        """
        answer, fds = self._ask({"op": "connect", "host": host, "port": port, "seconds": timeout}, timeout + 5)
        if not fds:
            raise OSError(errno.ECONNREFUSED, str(answer))
        return fds[0]

    def _ask(self, question: dict[str, Any], timeout: float) -> tuple[dict[str, Any], list[int]]:
        # Each question brings the socket for its answer, so that a slow one keeps no other waiting.
        mine, theirs = _PAIR(socket.AF_UNIX, socket.SOCK_DGRAM)
        with mine:
            with theirs:
                socket.send_fds(self._channel, [orjson.dumps(question)], [theirs.fileno()])
            mine.settimeout(timeout)
            data, fds, _, _ = socket.recv_fds(mine, _ANSWER, 1)
        if not data:
            raise OSError(errno.ENETDOWN, "The server does not answer.")
        answer: dict[str, Any] = orjson.loads(data)
        kind, told = answer.get("kind"), str(answer.get("error"))
        if kind == "blocked":
            raise BlockedAddressError(told)
        if kind == "unknown":
            raise socket.gaierror(socket.EAI_NONAME, told)
        if kind is not None:
            raise OSError(int(answer.get("errno") or errno.ECONNREFUSED), told)
        return answer, fds


_PAIR = socket.socketpair
_INIT: Callable[..., None] = socket.socket.__init__
_SETSOCKOPT: Callable[..., None] = socket.socket.setsockopt

#: Sockets that are not connected yet, with the options that wait for it.
_waiting: WeakKeyDictionary[socket.socket, list[tuple[Any, ...]]] = WeakKeyDictionary()


def install(network: Network) -> None:
    """Have Python's sockets ask `network`."""

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
            raise BlockedAddressError("Isolated code may open TCP connections, and no other sockets.")
        # A socket with nobody at its other end, until the connection takes its place.
        mine, other = socket._socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)  # type: ignore[attr-defined]  # noqa: SLF001
        other.close()
        _INIT(self, family, socket.SOCK_STREAM, 0, mine.detach())
        _waiting[self] = []

    def setsockopt(self: socket.socket, *option: Any) -> None:
        if self in _waiting:
            _waiting[self].append(option)
        else:
            _SETSOCKOPT(self, *option)

    def connect(self: socket.socket, address: Any) -> None:
        if self not in _waiting:
            raise OSError(errno.EISCONN, os.strerror(errno.EISCONN))
        timeout = self.gettimeout()
        opened = network.connect(str(address[0]), int(address[1]), timeout or PATIENCE)
        try:
            os.dup2(opened, self.fileno(), inheritable=False)
        finally:
            os.close(opened)
        self.settimeout(timeout)
        for option in _waiting.pop(self):
            _SETSOCKOPT(self, *option)

    def connect_ex(self: socket.socket, address: Any) -> int:
        try:
            connect(self, address)
        except OSError as error:
            return error.errno or errno.ECONNREFUSED
        return 0

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
        found = [
            (socket.AF_INET6, (a, number, 0, 0)) if ":" in a else (socket.AF_INET, (a, number))
            for a in network.addresses(name, number)
        ]
        wanted = [(f, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", a) for f, a in found if family in (0, f)]
        if not wanted:
            raise socket.gaierror(socket.EAI_NONAME, f"{name} has no address of this family")
        return wanted

    def gethostbyname(hostname: str) -> str:
        return str(getaddrinfo(hostname, 0, socket.AF_INET)[0][4][0])

    for name, replacement in (
        ("__init__", init),
        ("setsockopt", setsockopt),
        ("connect", connect),
        ("connect_ex", connect_ex),
    ):
        setattr(socket.socket, name, replacement)
    socket.getaddrinfo = getaddrinfo
    socket.gethostbyname = gethostbyname
