"""Write to the log what custom code prints, at a limited rate."""

from __future__ import annotations

import asyncio
import logging
import time

#: Logs what custom code prints.
code_log = logging.getLogger("headrace.component_code")

#: Length of one logged line, in bytes. The rest of a longer line is dropped.
MAX_LINE_BYTES = 8192
#: Bytes that are read at once. After as many, the reader pauses, so that a worker that prints without end waits for it.
CHUNK_BYTES = 65_536
PAUSE_SECONDS = 0.02
#: Lines that may be logged at once after a quiet time, as a multiple of the lines per second.
BURST_SECONDS = 10


class OutputLog:
    """Logs the lines of one process, and counts those beyond the limit."""

    def __init__(self, lines_per_second: float) -> None:
        """Create a log with a limit."""
        self._rate = lines_per_second
        self._allowed = self._max_allowed = lines_per_second * BURST_SECONDS
        self._last_refill = time.monotonic()
        self._dropped = 0
        #: The bytes after the last line break.
        self._rest = b""
        #: The first line. A worker that cannot be confined reports the reason in it.
        self.first_line: str | None = None

    async def forward(self, pipe: asyncio.StreamReader) -> None:
        """Log the lines of a pipe until its other end is closed."""
        while chunk := await pipe.read(CHUNK_BYTES):
            self.write(chunk)
            if len(chunk) >= CHUNK_BYTES // 2:
                await asyncio.sleep(PAUSE_SECONDS)
        self.write(b"\n" if self._rest else b"")
        self._log_dropped()

    def write(self, chunk: bytes) -> None:
        """Log the lines that a chunk of output completes."""
        *lines, rest = chunk.split(b"\n")
        if lines:
            lines[0] = self._rest + lines[0]
            self._rest = b""
        self._rest = (self._rest + rest)[:MAX_LINE_BYTES]
        self._refill()
        allowed = min(int(self._allowed), len(lines))
        if allowed and self._dropped:
            self._log_dropped()
        for line in lines[:allowed]:
            self._log_line(line)
        self._allowed -= allowed
        self._dropped += len(lines) - allowed

    def _log_line(self, line: bytes) -> None:
        text = line[:MAX_LINE_BYTES].decode(errors="replace").rstrip()
        if self.first_line is None:
            self.first_line = text
        code_log.info("%s", text)

    def _log_dropped(self) -> None:
        if self._dropped:
            code_log.warning(
                "dropped %d lines: code of one user may print %g lines per second. HEADRACE_CODE_LINES_PER_SECOND raises the limit",
                self._dropped,
                self._rate,
            )
            self._dropped = 0

    def _refill(self) -> None:
        now = time.monotonic()
        self._allowed = min(self._max_allowed, self._allowed + (now - self._last_refill) * self._rate)
        self._last_refill = now
