"""The last lines of the log, for superusers to read over HTTP."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator

#: A reader of the stream may fall so many lines behind; then the oldest are dropped.
_LINES_HELD = 1000


class LogBuffer(logging.Handler):
    """Keeps the last lines under the millisecond in which each was written, no two under the same."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._lines: deque[tuple[int, str]] = deque(maxlen=lines)
        self._readers: set[tuple[asyncio.AbstractEventLoop, asyncio.Queue[tuple[int, str]]]] = set()
        self.setFormatter(logging.Formatter("%(levelname)s: %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line and hand it to whoever reads along."""
        last = self._lines[-1][0] if self._lines else 0
        line = (max(int(time.time() * 1000), last + 1), self.format(record))
        self._lines.append(line)
        for loop, queue in list(self._readers):
            loop.call_soon_threadsafe(_put, queue, line)

    def last(self, count: int) -> dict[int, str]:
        """Return the newest lines, oldest first."""
        return dict(list(self._lines)[-count:] if count else [])

    def before(self, timestamp: int, count: int) -> dict[int, str]:
        """Return the newest lines that were written before a millisecond."""
        return dict([line for line in self._lines if line[0] < timestamp][-count:])

    def after(self, timestamp: int, count: int) -> dict[int, str]:
        """Return the oldest lines that were written since a millisecond."""
        return dict([line for line in self._lines if line[0] >= timestamp][:count])

    async def follow(self, patience: float) -> AsyncIterator[tuple[int, str] | None]:
        """Yield None once it listens, then lines as they are written; None again where none came for `patience` seconds."""
        reader = (asyncio.get_running_loop(), asyncio.Queue[tuple[int, str]](_LINES_HELD))
        self._readers.add(reader)
        try:
            yield None
            while True:
                try:
                    yield await asyncio.wait_for(reader[1].get(), patience)
                except TimeoutError:
                    yield None
        finally:
            self._readers.discard(reader)


def _put(queue: asyncio.Queue[tuple[int, str]], line: tuple[int, str]) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(line)
