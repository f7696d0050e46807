"""Large files are streamed through the server in constant memory."""

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

from tests.support.clients import log_in
from tests.support.process import running
from tests.support.s3_server import s3_server

MIB = 1 << 20
CHUNK = bytes(range(256)) * 4096
BOUNDARY = "line"


class MemoryMonitor:
    """Samples the resident memory of a process until it is stopped."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._stopped = threading.Event()
        self.before = self.peak = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def _sample(self) -> None:
        while not self._stopped.wait(0.02):
            self.peak = max(self.peak, self._process.memory_info().rss)

    def stop(self) -> int:
        self._stopped.set()
        self._thread.join()
        return (self.peak - self.before) // MIB


def send(base: str, headers: dict[str, str], size: int) -> bytes:
    """Send a file of `size` MiB and return the status line of the response."""
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
            connection.sendall(CHUNK)
        connection.sendall(end)
        return connection.makefile("rb").readline()


@pytest.fixture(params=["folder", "s3"])
def environment(request: pytest.FixtureRequest) -> Iterator[tuple[dict[str, str], int]]:
    """Yield the server's storage settings and the upload's size in MiB, which is small for S3: its test server stores objects in memory."""
    if request.param == "folder":
        yield {}, 1024
        return
    with s3_server() as s3:
        yield {"LANGFLOW_STORAGE_TYPE": "s3", **s3.environment}, 128


def test_memory_stays_constant_while_a_large_file_is_uploaded_and_downloaded(
    tmp_path: Path, environment: tuple[dict[str, str], int]
) -> None:
    settings, size = environment
    with running(tmp_path, **settings) as (base, pid):
        headers = log_in(base)
        assert b" 201 " in send(base, headers, 8)
        monitor = MemoryMonitor(pid)
        assert b" 201 " in send(base, headers, size)
        digest = hashlib.sha256()
        with httpx2.Client(base_url=base, headers=headers, timeout=60) as client:
            large = client.get("/api/v2/files").json()[-1]
            assert large["size"] == size * MIB
            with client.stream("GET", f"/api/v2/files/{large['id']}") as response:
                for chunk in response.iter_raw():
                    digest.update(chunk)
        assert monitor.stop() < 64
    expected = hashlib.sha256()
    for _ in range(size):
        expected.update(CHUNK)
    assert digest.digest() == expected.digest()
