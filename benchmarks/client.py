"""An HTTP/1.1 load client: keep-alive connections, each of which repeats one request.

`python -m benchmarks.client` reads a load as JSON from stdin and prints its result as JSON, so that the client has a
process of its own.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """A request to repeat: a POST if it has a body, else a GET."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: object | None = None
    #: The status that counts as success.
    status: int = 200

    def encode(self) -> bytes:
        """Return the request as HTTP/1.1 bytes."""
        parts = urlsplit(self.url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        payload = b"" if self.body is None else orjson.dumps(self.body)
        lines = [
            f"{'GET' if self.body is None else 'POST'} {path} HTTP/1.1",
            f"host: {parts.netloc}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        if self.body is not None:
            lines += ["content-type: application/json", f"content-length: {len(payload)}"]
        return "\r\n".join([*lines, "", ""]).encode() + payload


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The result of a load."""

    requests: int
    seconds: float
    errors: int
    p99_ms: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


async def _read_status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    await reader.readexactly(length)
    return int(head[9:12])


async def _repeat(request: LoadRequest, connections: int, has_more: Callable[[], bool]) -> LoadResult:
    parts = urlsplit(request.url)
    encoded = request.encode()
    latencies: list[float] = []
    errors = 0

    async def run_connection() -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            while has_more():
                sent_at = time.perf_counter()
                writer.write(encoded)
                errors += await _read_status(reader) != request.status
                latencies.append(time.perf_counter() - sent_at)
        finally:
            writer.close()

    started_at = time.perf_counter()
    await asyncio.gather(*(run_connection() for _ in range(connections)))
    seconds = time.perf_counter() - started_at
    p99 = sorted(latencies)[math.ceil(len(latencies) * 0.99) - 1] if latencies else 0.0
    return LoadResult(len(latencies), seconds, errors, p99 * 1000)


def send_count(request: LoadRequest, *, connections: int, count: int) -> LoadResult:
    """Send a request `count` times in all over concurrent connections."""
    remaining = iter(range(count))
    return asyncio.run(_repeat(request, connections, lambda: next(remaining, None) is not None))


def send_for(request: LoadRequest, *, connections: int, seconds: float) -> LoadResult:
    """Repeat a request over concurrent connections for a time."""
    deadline = time.perf_counter() + seconds
    return asyncio.run(_repeat(request, connections, lambda: time.perf_counter() < deadline))


if __name__ == "__main__":
    load = orjson.loads(sys.stdin.buffer.read())
    result = send_for(LoadRequest(**load["request"]), connections=load["connections"], seconds=load["seconds"])
    sys.stdout.buffer.write(orjson.dumps(dataclasses.asdict(result)))
