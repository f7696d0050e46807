"""A large file goes through the server and never stays in it."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import psutil
import pytest

from tests.clients import log_in
from tests.process import running
from tests.s3_server import s3_server

MIB = 1 << 20
PIECE = bytes(range(256)) * 4096
BOUNDARY = "line"


class Watch:
    """Looks at a process's resident memory until it is told to stop."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._stopped = threading.Event()
        self.before = self.most = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._stopped.wait(0.02):
            self.most = max(self.most, self._process.memory_info().rss)

    def stop(self) -> int:
        self._stopped.set()
        self._thread.join()
        return (self.most - self.before) // MIB


def send(base: str, headers: dict[str, str], size: int) -> bytes:
    """Send a file of `size` MiB and return the answer's first line."""
    frame = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n\r\n'.encode()
    end = f"\r\n--{BOUNDARY}--\r\n".encode()
    lines = [
        "POST /api/v2/files HTTP/1.1",
        "host: headrace",
        f"content-type: multipart/form-data; boundary={BOUNDARY}",
        f"content-length: {len(frame) + size * MIB + len(end)}",
        "connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    address = urlsplit(base)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=120) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + frame)
        for _ in range(size):
            connection.sendall(PIECE)
        connection.sendall(end)
        return connection.makefile("rb").readline()


@pytest.fixture(params=["folder", "s3"])
def environment(request: pytest.FixtureRequest) -> Iterator[tuple[dict[str, str], int]]:
    """The server's storage, and how many MiB are sent to it. The S3 server of the tests holds in memory what it gets."""
    if request.param == "folder":
        yield {}, 1024
        return
    with s3_server() as s3:
        yield {"LANGFLOW_STORAGE_TYPE": "s3", **s3.environment}, 128


def test_memory_stays_flat_while_a_large_file_goes_in_and_out(
    tmp_path: Path, environment: tuple[dict[str, str], int]
) -> None:
    settings, size = environment
    with running(tmp_path, **settings) as (base, pid):
        headers = log_in(base)
        assert b" 201 " in send(base, headers, 8)
        watch = Watch(pid)
        assert b" 201 " in send(base, headers, size)
        digest = hashlib.sha256()
        with httpx2.Client(base_url=base, headers=headers, timeout=60) as client:
            large = client.get("/api/v2/files").json()[-1]
            assert large["size"] == size * MIB
            with client.stream("GET", f"/api/v2/files/{large['id']}") as answer:
                for chunk in answer.iter_raw():
                    digest.update(chunk)
        assert watch.stop() < 64
    expected = hashlib.sha256()
    for _ in range(size):
        expected.update(PIECE)
    assert digest.digest() == expected.digest()
