"""The most recent log lines, which superusers read over HTTP."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator

from headrace.logs.redaction import redact_line

#: The maximum length of a line, in characters; a longer one is cut.
MAX_LINE_CHARACTERS = 10_000
#: The maximum size of all lines, in characters; the oldest are dropped beyond it.
MAX_CHARACTERS = 20_000_000
#: The maximum number of unread lines of a slow reader; the oldest are dropped beyond it.
_MAX_UNREAD_LINES = 1000


class LogBuffer(logging.Handler):
    """Stores the most recent lines by their time in milliseconds, which is unique per line."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._lines: deque[tuple[int, str]] = deque()
        self._max_lines = lines
        self._characters = 0
        self._readers: set[tuple[asyncio.AbstractEventLoop, asyncio.Queue[tuple[int, str]]]] = set()
        self.setFormatter(logging.Formatter("%(levelname)s: %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Store a line and send it to the readers of the stream."""
        last = self._lines[-1][0] if self._lines else 0
        text = redact_line(self.format(record))[:MAX_LINE_CHARACTERS]
        line = (max(int(time.time() * 1000), last + 1), text)
        self._lines.append(line)
        self._characters += len(line[1])
        while len(self._lines) > self._max_lines or self._characters > MAX_CHARACTERS:
            self._characters -= len(self._lines.popleft()[1])
        for loop, queue in list(self._readers):
            loop.call_soon_threadsafe(_put, queue, line)

    def last(self, count: int) -> dict[int, str]:
        """Return the newest lines, oldest first."""
        return dict(list(self._lines)[-count:] if count else [])

    def before(self, timestamp: int, count: int) -> dict[int, str]:
        """Return the newest lines before `timestamp`, in milliseconds."""
        return dict([line for line in self._lines if line[0] < timestamp][-count:])

    def after(self, timestamp: int, count: int) -> dict[int, str]:
        """Return the oldest lines since `timestamp`, in milliseconds."""
        return dict([line for line in self._lines if line[0] >= timestamp][:count])

    async def follow(self, heartbeat_seconds: float) -> AsyncIterator[tuple[int, str] | None]:
        """Yield None when listening starts, then new lines, and None after each `heartbeat_seconds` without a line."""
        reader = (asyncio.get_running_loop(), asyncio.Queue[tuple[int, str]](_MAX_UNREAD_LINES))
        self._readers.add(reader)
        try:
            yield None
            while True:
                try:
                    # Not `wait_for`, which may swallow a cancellation on Python 3.11.
                    async with asyncio.timeout(heartbeat_seconds):
                        line = await reader[1].get()
                    yield line
                except TimeoutError:
                    yield None
        finally:
            self._readers.discard(reader)


def _put(queue: asyncio.Queue[tuple[int, str]], line: tuple[int, str]) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(line)
