"""The events of a run that wait for its consumer."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from headrace.graph.events import Event, MessageEmitted, TokenEmitted, VertexEnded
from headrace.runs.errors import SlowConsumerError
from headrace.schema.message_size import message_size

if TYPE_CHECKING:
    from headrace.limits.byte_budget import ByteBudget

#: Events that a consumer may fall behind before its run is stopped.
MAX_EVENTS = 10_000
#: The size of an event without its content, in bytes.
EVENT_BYTES = 200


class EventQueue:
    """A queue that counts the size of its events."""

    def __init__(self, budget: ByteBudget) -> None:
        """Create an empty queue.

        Args:
            budget: counts the events; the queue does not close it.

        """
        self._budget = budget
        self._events: asyncio.Queue[tuple[Event, int]] = asyncio.Queue(MAX_EVENTS)

    def put(self, event: Event) -> None:
        """Add an event.

        Raises:
            SlowConsumerError: the consumer is too far behind.
            ByteLimitError: the waiting events take too much memory.

        """
        if self._events.full():
            raise SlowConsumerError
        size = _size_of(event, self._budget.limits.run)
        self._budget.hold_response(size, "The event that waits for the client")
        self._events.put_nowait((event, size))

    def is_empty(self) -> bool:
        """Return whether no event waits."""
        return self._events.empty()

    async def get(self) -> Event:
        """Return the next event, waiting for it."""
        return self._release(await self._events.get())

    def get_nowait(self) -> Event:
        """Return the next event of a queue that is not empty."""
        return self._release(self._events.get_nowait())

    def _release(self, entry: tuple[Event, int]) -> Event:
        event, size = entry
        self._budget.release(size)
        return event


def _size_of(event: Event, limit: int) -> int:
    if isinstance(event, TokenEmitted):
        return EVENT_BYTES + sys.getsizeof(event.chunk)
    if isinstance(event, MessageEmitted):
        return EVENT_BYTES + message_size(event.message, limit)
    if isinstance(event, VertexEnded):
        return EVENT_BYTES + event.result.output_bytes
    return EVENT_BYTES
