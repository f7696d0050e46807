"""The events on their way to a client, bounded in bytes."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

#: The size of the events that wait for a client, in bytes: about four seconds of audio.
MAX_WAITING_BYTES = 256 << 10


@dataclass(frozen=True, slots=True)
class _Entry:
    message: bytes
    is_audio: bool


class Outbox:
    """A queue of messages for one client. `put` waits while it is full, so a client that does not read slows its sender down."""

    def __init__(self, max_bytes: int = MAX_WAITING_BYTES) -> None:
        self._max_bytes = max_bytes
        self._entries: deque[_Entry] = deque()
        self._bytes = 0
        #: Whether the last message was taken, but is not sent yet.
        self._is_sending = False
        self._is_closed = False
        self._changed = asyncio.Condition()

    async def put(self, message: bytes, *, is_audio: bool = False) -> None:
        """Add a message, waiting until there is space. A single message may exceed the limit. Ignore it after the last message."""
        async with self._changed:
            while not self._is_closed and self._entries and self._bytes + len(message) > self._max_bytes:
                await self._changed.wait()
            if self._is_closed:
                return
            self._entries.append(_Entry(message, is_audio))
            self._bytes += len(message)
            self._changed.notify_all()

    async def drop_audio(self) -> None:
        """Remove the audio that is not sent yet, because the user interrupts it."""
        async with self._changed:
            self._entries = deque(entry for entry in self._entries if not entry.is_audio)
            self._bytes = sum(len(entry.message) for entry in self._entries)
            self._changed.notify_all()

    async def get(self) -> bytes:
        """Return the next message, waiting for one. Calling it again confirms that the previous one was sent."""
        async with self._changed:
            self._is_sending = False
            self._changed.notify_all()
            while not self._entries:
                await self._changed.wait()
            entry = self._entries.popleft()
            self._bytes -= len(entry.message)
            self._is_sending = True
            self._changed.notify_all()
            return entry.message

    async def close(self, message: bytes) -> None:
        """Add the last message and wait until all are sent."""
        await self.put(message)
        async with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            while self._entries or self._is_sending:
                await self._changed.wait()
