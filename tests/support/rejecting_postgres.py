"""A server that speaks enough of PostgreSQL's protocol to reject every log-in.

Source: PostgreSQL documentation, chapter "Frontend/Backend Protocol", sections "SSLRequest" and "ErrorResponse".
"""

from __future__ import annotations

import contextlib
import socketserver
import struct
import threading
from collections.abc import Iterator

_SSL_REQUEST_CODE = 80877103


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        code = self._read_startup()
        if code == _SSL_REQUEST_CODE:
            self.wfile.write(b"N")
            self._read_startup()
        fields = {b"S": b"FATAL", b"V": b"FATAL", b"C": self.server.sqlstate.encode(), b"M": b"no"}
        body = b"".join(name + text + b"\0" for name, text in fields.items()) + b"\0"
        self.wfile.write(b"E" + struct.pack("!i", len(body) + 4) + body)

    def _read_startup(self) -> int:
        (length,) = struct.unpack("!i", self.rfile.read(4))
        body = self.rfile.read(length - 4)
        return int(struct.unpack("!i", body[:4])[0])


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    sqlstate = ""


@contextlib.contextmanager
def rejecting_postgres(sqlstate: str) -> Iterator[int]:
    """Serve on a free loopback port and yield the port. Every connection is rejected with this SQLSTATE."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.sqlstate = sqlstate
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
