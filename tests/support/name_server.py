"""Name servers for a server process, which finds them in a file of its own instead of `/etc/resolv.conf`."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

#: The address of the name server.
ADDRESS = "127.7.7.7"
#: Replaces the system's list of name servers for one process and its children.
_WITH_NAME_SERVER = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"')
_TYPES = {4: 1, 6: 28}
_HEADER = struct.Struct(">HHHHHH")
_RESPONSE_FLAGS = 0x8180

#: Returns the addresses of a name.
Zone = Callable[[str], Sequence[str]]


def can_replace_name_servers() -> bool:
    """Return whether a process may have name servers of its own: root with `unshare` may give it some."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    command = [*_WITH_NAME_SERVER, "/etc/resolv.conf", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def with_name_server(file: Path) -> tuple[str, ...]:
    """Return the prefix of a command that uses the name servers of a file."""
    return (*_WITH_NAME_SERVER, str(file))


@contextlib.contextmanager
def silent_name_server(folder: Path) -> Iterator[Path]:
    """Listen as a name server that never responds, and yield a file that names it."""
    with _listening() as _server:
        yield _resolver_file(folder)


@contextlib.contextmanager
def name_server(folder: Path, zone: Zone) -> Iterator[Path]:
    """Respond with the addresses that `zone` returns for each name, and yield a file that names the server."""
    with _listening() as server:

        def serve() -> None:
            while True:
                query, client = server.recvfrom(4096)
                if not query:
                    return
                server.sendto(_respond(query, zone), client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield _resolver_file(folder)
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.sendto(b"", (ADDRESS, 53))
            thread.join()


@contextlib.contextmanager
def _listening() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((ADDRESS, 53))
        yield server


def _resolver_file(folder: Path) -> Path:
    file = folder / "resolv.conf"
    file.write_text(f"nameserver {ADDRESS}\noptions timeout:2 attempts:2\n")
    return file


def _respond(query: bytes, zone: Zone) -> bytes:
    """Return the response to a query with one question (RFC 1035, section 4)."""
    end = query.index(0, _HEADER.size)
    kind = int.from_bytes(query[end + 1 : end + 3], "big")
    labels, place = [], _HEADER.size
    while place < end:
        labels.append(query[place + 1 : place + 1 + query[place]].decode().lower())
        place += 1 + query[place]
    found = [a for a in map(ipaddress.ip_address, zone(".".join(labels))) if _TYPES[a.version] == kind]
    head = _HEADER.pack(int.from_bytes(query[:2], "big"), _RESPONSE_FLAGS, 1, len(found), 0, 0)
    records = (struct.pack(">HHHIH", 0xC00C, kind, 1, 0, len(a.packed)) + a.packed for a in found)
    return head + query[_HEADER.size : end + 5] + b"".join(records)
