"""A small HTTP/1.1 load generator: keep-alive connections that send one prepared request over and over."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson


@dataclass(frozen=True, slots=True)
class Load:
    """What a load gave: requests, seconds, and how many had another status than was wanted."""

    requests: int
    seconds: float
    failures: int

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def request_bytes(url: str, headers: dict[str, str], body: object | None = None) -> bytes:
    """Return a request as it goes over the wire: a POST where there is a body, else a GET."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    payload = b"" if body is None else orjson.dumps(body)
    lines = [
        f"{'GET' if body is None else 'POST'} {path} HTTP/1.1",
        f"host: {parts.netloc}",
        *(f"{k}: {v}" for k, v in headers.items()),
    ]
    if body is not None:
        lines += ["content-type: application/json", f"content-length: {len(payload)}"]
    return "\r\n".join([*lines, "", ""]).encode() + payload


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    await reader.readexactly(length)
    return int(head[9:12])


async def load(url: str, request: bytes, *, connections: int, requests: int, status: int = 200) -> Load:
    """Send `requests` in all over `connections` at once; each is to be answered with `status`."""
    parts = urlsplit(url)
    left = iter(range(requests))
    failures = 0

    async def one() -> None:
        nonlocal failures
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            for _ in left:
                writer.write(request)
                failures += await _answer(reader) != status
        finally:
            writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return Load(requests, time.perf_counter() - begun, failures)
