"""Write the standard error of a local MCP server to the log, at a limited rate and without the secrets of its environment."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

log = logging.getLogger("headrace.mcp_server")

#: Lines that are logged per second, and at once after a quiet time. Further lines are counted and dropped.
LINES_PER_SECOND = 10.0
BURST_LINES = 100
#: Length of a logged line, in bytes.
MAX_LINE_BYTES = 2000
#: Shorter values are too common in other texts to be replaced.
MIN_SECRET_LENGTH = 6
CHUNK_BYTES = 65_536


class CommandLog:
    """Logs the lines of one command."""

    def __init__(self, name: str, secrets: Collection[str]) -> None:
        """Create a log.

        Args:
            name: the name of the MCP server.
            secrets: texts that the log must not contain.

        """
        self._name = name
        self._secrets = sorted((s for s in secrets if len(s) >= MIN_SECRET_LENGTH), key=len, reverse=True)
        self._allowed = float(BURST_LINES)
        self._last_refill = time.monotonic()
        self._dropped = 0
        self._rest = b""

    async def forward(self, pipe: asyncio.StreamReader) -> None:
        """Log the lines of a pipe until its other end is closed."""
        while chunk := await pipe.read(CHUNK_BYTES):
            *lines, rest = (self._rest + chunk).split(b"\n")
            self._rest = rest[:MAX_LINE_BYTES]
            for line in lines:
                self._write(line)
        if self._rest:
            self._write(self._rest)
        if self._dropped:
            log.warning("MCP server %s: dropped %d lines of its standard error", self._name, self._dropped)

    def _write(self, line: bytes) -> None:
        now = time.monotonic()
        self._allowed = min(float(BURST_LINES), self._allowed + (now - self._last_refill) * LINES_PER_SECOND)
        self._last_refill = now
        if self._allowed < 1:
            self._dropped += 1
            return
        self._allowed -= 1
        text = line[:MAX_LINE_BYTES].decode(errors="replace").rstrip()
        for secret in self._secrets:
            text = text.replace(secret, "***")
        log.info("MCP server %s: %s", self._name, text)
