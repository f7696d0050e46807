"""A bounded cache of values that many requests look up, invalidated when the rows behind them change."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Collection, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from cachetools import LRUCache

if TYPE_CHECKING:
    from headrace.db.changes import Change, ChangeFeed

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    value: V
    depends_on: frozenset[Change]
    #: `time.monotonic()` after which the value is loaded again.
    expires: float


class LookupCache(Generic[K, V]):
    """Caches loaded values until a row that they depend on changes.

    Concurrent misses of a key share one load. A value that was loaded while a row changed is returned to callers
    that already wait for it, but neither stored nor shared with later callers. None (not found) is never stored.

    Example:
        heads = LookupCache[tuple[UUID, str], FlowHead](
            database.changes,
            depends_on=lambda key, head: (Change(Topic.FLOW, str(head.id)), Change(Topic.USER, str(key[0]))),
            max_entries=10_000,
        )
        head = await heads.get((owner, name), lambda: load_head(owner, name))

    """

    def __init__(
        self,
        changes: ChangeFeed,
        *,
        depends_on: Callable[[K, V], Collection[Change]],
        max_entries: int,
        expires_at: Callable[[V], datetime | None] = lambda _value: None,
    ) -> None:
        """Create a cache.

        Args:
            changes: the changes of this database.
            depends_on: returns the changes that make the value of a key outdated.
            max_entries: the least recently used entry is dropped beyond this number.
            expires_at: returns the time at which a value stops being valid by itself.

        """
        self._changes = changes
        self._depends_on = depends_on
        self._expires_at = expires_at
        self._entries: LRUCache[K, _Entry[V]] = LRUCache(max_entries)
        self._loads: dict[K, asyncio.Task[V | None]] = {}
        changes.subscribe(self)

    async def get(self, key: K, load: Callable[[], Awaitable[V | None]]) -> V | None:
        """Return the value of `key`, from `load` if it is not cached.

        Raises:
            Exception: any error of `load`; nothing is stored.

        """
        if self._changes.needs_check:
            await self._changes.check()
        entry = self._entries.get(key)
        if entry is not None and entry.expires > time.monotonic():
            return entry.value
        task = self._loads.get(key)
        if task is None:
            task = self._loads[key] = asyncio.create_task(self._load(key, load), name="lookup")
            task.add_done_callback(_retrieve_exception)
        return await asyncio.shield(task)

    def invalidate(self, changes: Collection[Change]) -> None:
        """Drop the entries that depend on changed rows; values that are being loaded are not stored."""
        self._loads.clear()
        outdated = [key for key, entry in self._entries.items() if not entry.depends_on.isdisjoint(changes)]
        for key in outdated:
            del self._entries[key]

    def clear(self) -> None:
        """Drop every entry; values that are being loaded are not stored."""
        self._loads.clear()
        self._entries.clear()

    async def _load(self, key: K, load: Callable[[], Awaitable[V | None]]) -> V | None:
        try:
            value = await load()
            if value is not None and self._loads.get(key) is asyncio.current_task():
                self._entries[key] = _Entry(value, frozenset(self._depends_on(key, value)), self._expiry(value))
            return value
        finally:
            if self._loads.get(key) is asyncio.current_task():
                del self._loads[key]

    def _expiry(self, value: V) -> float:
        expires_at = self._expires_at(value)
        seconds_left = math.inf if expires_at is None else (expires_at - datetime.now(UTC)).total_seconds()
        return time.monotonic() + min(seconds_left, self._changes.max_age_seconds)


def _retrieve_exception(task: asyncio.Task[object]) -> None:
    """Mark a failed load as retrieved, also if every caller that waited for it was cancelled."""
    if not task.cancelled():
        task.exception()
