"""HTTP over a plain socket, for clients that are slow, incomplete or hostile."""

from __future__ import annotations

import select
import socket
import time
from urllib.parse import urlsplit

#: How often a slow client sends.
PACE_SECONDS = 0.05
DEADLINE_SECONDS = 15.0


class RawConnection:
    """A connection to a server, which is written and read byte by byte."""

    def __init__(self, base: str, *, source: str | None = None, receive_buffer: int | None = None) -> None:
        address = urlsplit(base)
        self._socket = socket.socket()
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source is not None:
            self._socket.bind((source, 0))
        self._socket.settimeout(DEADLINE_SECONDS)
        self._socket.connect((address.hostname, address.port))
        self.received = b""

    def send_head(self, method: str, path: str, **headers: str) -> None:
        """Send a request line and headers, whose names are written with underscores."""
        lines = [
            f"{method} {path} HTTP/1.1",
            "host: test",
            *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items()),
        ]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def send(self, data: bytes) -> bool:
        """Send bytes, and return whether the server still accepts them."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def trickle(self, piece: bytes, pace_seconds: float = PACE_SECONDS) -> float:
        """Send a piece again and again until the server closes the connection, and return the seconds that this took."""
        started = time.monotonic()
        while time.monotonic() - started < DEADLINE_SECONDS:
            if not self.send(piece) or self.is_closed(pace_seconds):
                return time.monotonic() - started
        raise AssertionError("the server keeps the connection open")

    def is_closed(self, within_seconds: float) -> bool:
        """Read what the server sends, and return whether it closes the connection within this time."""
        deadline = time.monotonic() + within_seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self._socket], [], [], left)[0]:
                return False
            try:
                data = self._socket.recv(1 << 16)
            except ConnectionError:
                return True
            if not data:
                return True
            self.received += data
        return False

    def read_response(self) -> bytes:
        """Read until the headers and the declared body of a response have arrived, and return them."""
        while b"\r\n\r\n" not in self.received or len(self.received) < self._expected_length():
            data = self._socket.recv(1 << 16)
            if not data:
                break
            self.received += data
        response, self.received = self.received, b""
        return response

    def _expected_length(self) -> int:
        head, _, _ = self.received.partition(b"\r\n\r\n")
        lengths = [
            line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
        ]
        return len(head) + 4 + (int(lengths[0]) if lengths else 0)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def status_of(response: bytes) -> int:
    """Return the status of a response, or 0 if there is none."""
    return int(response.split(b" ", 2)[1]) if response.startswith(b"HTTP/1.1 ") else 0
