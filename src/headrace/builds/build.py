"""One build of a flow and its events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

#: A poll returns lines up to this size, in bytes, but at least one. The next poll continues after them.
MAX_POLL_BYTES = 4_000_000


@dataclass(slots=True)
class Build:
    """A run that an editor follows: its encoded events so far, and a signal for new ones."""

    id: UUID
    owner: UUID
    #: The user id or anonymous client id that started the build. Nobody else can follow or cancel it.
    subscriber: str
    flow_id: UUID
    session_id: str
    #: Called after each new line, and at the end.
    on_change: Callable[[], None] | None = None
    lines: list[bytes] = field(default_factory=list)
    size: int = 0
    #: The line from which a poll without an offset reads.
    poll_cursor: int = 0
    #: The monotonic time of the end, in seconds.
    ended_at: float | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def append(self, event: dict[str, Any]) -> None:
        """Append an event as a line."""
        self.append_line(event_line(event))

    def append_line(self, line: bytes) -> None:
        """Append a line."""
        self.size += len(line)
        self.lines.append(line)
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()
        if self.on_change is not None:
            self.on_change()

    async def follow(self, offset: int) -> AsyncIterator[bytes]:
        """Yield the lines from `offset` until the build ends."""
        while True:
            while offset < len(self.lines):
                yield self.lines[offset]
                offset += 1
            if self.ended_at is not None:
                return
            await self.changed.wait()

    async def poll(self, offset: int | None, timeout: float) -> list[bytes]:  # noqa: ASYNC109 - an empty answer, not an error
        """Return the lines from `offset`, waiting for the first.

        Args:
            offset: The number of the first line; None to continue after the previous poll.
            timeout: How long to wait for a line, in seconds.

        """
        if offset is None:
            lines = await self.poll(self.poll_cursor, timeout)
            self.poll_cursor += len(lines)
            return lines
        if offset >= len(self.lines) and self.ended_at is None:
            try:
                # Not `wait_for`, which may swallow a cancellation on Python 3.11.
                async with asyncio.timeout(timeout):
                    await self.changed.wait()
            except TimeoutError:
                return []
        return first_lines(self.lines, offset)

    async def cancel(self) -> None:
        """Cancel the build and wait until it has stopped. Do nothing if it has ended."""
        if self.task is not None and not self.task.done():
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)


def event_line(event: dict[str, Any]) -> bytes:
    """Return the line of an event."""
    return orjson.dumps(event) + b"\n\n"


def first_lines(lines: list[bytes], offset: int) -> list[bytes]:
    """Return the lines from `offset` that a poll returns."""
    size, end = 0, offset
    while end < len(lines) and (size == 0 or size + len(lines[end]) <= MAX_POLL_BYTES):
        size += len(lines[end])
        end += 1
    return lines[offset:end]
