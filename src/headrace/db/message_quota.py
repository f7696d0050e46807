"""The maximum size of the messages that a user stores."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from cachetools import LRUCache
from sqlalchemy import func, select

from headrace.db.quotas import QuotaError
from headrace.db.row_batches import size_of
from headrace.db.tables import messages
from headrace.limits.byte_budget import readable_size

if TYPE_CHECKING:
    from headrace.db.database import Database

MESSAGE_SETTING = "HEADRACE_MAX_USER_MESSAGE_MIB"
#: The size of a row without its texts, in bytes.
ROW_BYTES = 500
#: How long a measured size is used, in seconds. Other processes add messages, and messages are deleted meanwhile.
MAX_AGE_SECONDS = 600.0
#: How long it is used when it exceeds the maximum, in seconds.
MAX_EXCEEDED_AGE_SECONDS = 5.0
#: Users whose sizes are in memory. The size of another user is measured again.
MAX_USERS = 10_000


@dataclass(slots=True)
class _Usage:
    size: int
    measured_at: float


class MessageQuota:
    """Counts the bytes of each user's messages. The size is measured once in a while, and in between new messages are added to it.

    Several processes may together exceed the maximum by what they store within `MAX_AGE_SECONDS`.
    """

    def __init__(self, database: Database, max_bytes: int) -> None:
        """Create the quota.

        Args:
            database: stores the messages.
            max_bytes: the maximum size of a user's messages in bytes.

        """
        self._database = database
        self._max_bytes = max_bytes
        self._usages: LRUCache[UUID, _Usage] = LRUCache(MAX_USERS)
        #: Sizes that are being measured.
        self._measuring: dict[UUID, asyncio.Task[_Usage]] = {}

    async def add(self, owner: UUID, size: int, *, is_visitor: bool = False) -> None:
        """Count a message that is about to be stored.

        Args:
            owner: the owner of the message.
            size: the size of its texts in bytes.
            is_visitor: whether an anonymous caller sent it. Such messages are refused once half of the maximum is used, so
                that the owner's own runs continue.

        Raises:
            QuotaError: the owner's messages would be too large.

        """
        limit = self._max_bytes // 2 if is_visitor else self._max_bytes
        size += ROW_BYTES
        usage = self._usages.get(owner)
        age = time.monotonic() - usage.measured_at if usage is not None else 0.0
        if usage is None or age > (MAX_AGE_SECONDS if usage.size + size <= limit else MAX_EXCEEDED_AGE_SECONDS):
            usage = await self._measure_once(owner)
        if usage.size + size > limit:
            shared = " by runs of anonymous callers, and twice as much by your own" if is_visitor else ""
            raise QuotaError(
                f"The stored messages would take {readable_size(usage.size + size)}; at most {readable_size(limit)} may be "
                f"used{shared}",
                "messages or sessions",
                MESSAGE_SETTING,
            )
        usage.size += size

    def forget(self, owner: UUID) -> None:
        """Measure the size again at the next message, because messages were deleted."""
        self._usages.pop(owner, None)

    async def _measure_once(self, owner: UUID) -> _Usage:
        """Return the size of an owner's messages, which concurrent runs measure once."""
        task = self._measuring.get(owner)
        if task is None:
            task = self._measuring[owner] = asyncio.create_task(self._measure(owner), name="message-quota")
            task.add_done_callback(lambda _: self._measuring.pop(owner, None))
        return await asyncio.shield(task)

    async def _measure(self, owner: UUID) -> _Usage:
        size = size_of(messages.c.text, messages.c.content_blocks, messages.c.properties, messages.c.files)
        query = select(func.coalesce(func.sum(size + ROW_BYTES), 0)).where(messages.c.user_id == owner)
        async with self._database.connect() as connection:
            measured = _Usage(int((await connection.execute(query)).scalar_one()), time.monotonic())
        self._usages[owner] = measured
        return measured
