"""A private server that nobody may connect to."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Canary:
    """A server on every address of this machine, and the addresses from which it was reached."""

    port: int
    visitors: list[str] = field(default_factory=list)


@contextlib.contextmanager
def canary() -> Iterator[Canary]:
    """Accept connections over IPv4 and IPv6 on all addresses, and close each at once."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=100) as server:
        found = Canary(server.getsockname()[1])
        stopping = threading.Event()

        def serve() -> None:
            while True:
                connection, address = server.accept()
                with connection:
                    if stopping.is_set():
                        return
                    found.visitors.append(str(address[0]))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield found
        finally:
            stopping.set()
            socket.create_connection(("127.0.0.1", found.port)).close()
            thread.join()
