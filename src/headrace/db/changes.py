"""Changes of rows that caches depend on, delivered to this process once they are committed.

A function of `headrace.db` that changes a user, an API key, a flow, an approval or a variable calls `publish` in the
same transaction. The writer delivers the changes of its own transactions. Changes of other processes arrive by
`NOTIFY` on PostgreSQL (`change_listener`); on SQLite a check detects commits of other processes.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Collection
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

log = logging.getLogger(__name__)

#: The PostgreSQL channel of `NOTIFY`.
CHANNEL = "headrace_changes"
#: The key in `connection.info` of the changes that a transaction of the writer has published.
_PUBLISHED = "headrace.published"


class Topic(StrEnum):
    """A kind of row that caches depend on."""

    USER = "user"
    API_KEY = "api_key"
    FLOW = "flow"
    APPROVAL = "approval"
    VARIABLE = "variable"
    LISTS = "lists"


class Change(NamedTuple):
    """A committed change of a row.

    The key is the user's id for `USER`, the owner's id for `API_KEY` and `VARIABLE`, the flow's id for `FLOW`, the
    digest of the code for `APPROVAL`, and for `LISTS` the id of the owner whose flows or files were added, changed or deleted.
    """

    topic: Topic
    key: str


async def publish(connection: AsyncConnection, topic: Topic, *keys: UUID | str) -> None:
    """Publish the change of rows when the transaction of `connection` commits."""
    changes = [Change(topic, str(key)) for key in keys]
    connection.info.get(_PUBLISHED, []).extend(changes)
    if changes and connection.dialect.name == "postgresql":
        statement = text("SELECT pg_notify(:channel, payload) FROM unnest(CAST(:payloads AS text[])) AS payload")
        payloads = [f"{change.topic}:{change.key}" for change in changes]
        await connection.execute(statement, {"channel": CHANNEL, "payloads": payloads})


def collect_published(connection: AsyncConnection) -> list[Change]:
    """Return the list that collects what the current transaction of `connection` publishes, empty at first."""
    published: list[Change] = []
    connection.info[_PUBLISHED] = published
    return published


def parse_payload(payload: str) -> Change:
    """Return the change that a notification carries.

    Raises:
        ValueError: the payload is not a change, or its topic is unknown to this version.

    """
    topic, _, key = payload.partition(":")
    return Change(Topic(topic), key)


class ChangeSubscriber(Protocol):
    """A cache that drops entries when rows change. Both methods run on the event loop and must not block."""

    def invalidate(self, changes: Collection[Change]) -> None:
        """Drop the entries that depend on changed rows."""

    def clear(self) -> None:
        """Drop every entry: changes may have been missed."""


class ChangeFeed:
    """Delivers committed changes to the caches of one process.

    Attributes:
        max_age_seconds: the longest time in seconds that a cache may rely on invalidation alone.

    """

    def __init__(self) -> None:
        self.max_age_seconds = math.inf
        self._subscribers: list[ChangeSubscriber] = []
        self._detect: Callable[[], Awaitable[bool]] | None = None
        self._check_interval = math.inf
        self._next_check = math.inf
        self._checking: asyncio.Task[None] | None = None

    def subscribe(self, subscriber: ChangeSubscriber) -> None:
        """Deliver all further changes to `subscriber`."""
        self._subscribers.append(subscriber)

    def deliver(self, changes: Collection[Change]) -> None:
        """Invalidate the cache entries that depend on committed changes."""
        if changes:
            for subscriber in self._subscribers:
                subscriber.invalidate(changes)

    def reset(self) -> None:
        """Clear every cache: changes may have been missed."""
        for subscriber in self._subscribers:
            subscriber.clear()

    def detect_with(self, detect: Callable[[], Awaitable[bool]], interval_seconds: float) -> None:
        """Ask `detect` whether another process has committed, at most once per interval and only when a cache is used."""
        self._detect = detect
        self._check_interval = interval_seconds
        self._next_check = 0.0

    @property
    def needs_check(self) -> bool:
        """Whether a cache must `await check()` before it answers."""
        return self._next_check <= time.monotonic()

    async def check(self) -> None:
        """Clear every cache if another process has committed since the last check. Concurrent calls share a check."""
        if self._checking is None:
            self._checking = asyncio.create_task(self._check(), name="change-check")
        await asyncio.shield(self._checking)

    async def poll(self) -> None:
        """Check at each interval until cancelled, so that subscribers notice changes while no cache is used."""
        while True:
            await asyncio.sleep(self._check_interval)
            try:
                await self.check()
            except Exception as error:
                log.warning("Commits of other processes could not be detected: %s", type(error).__name__)

    async def _check(self) -> None:
        started = time.monotonic()
        try:
            if self._detect is not None and await self._detect():
                self.reset()
            self._next_check = started + self._check_interval
        except Exception:
            self.reset()
            raise
        finally:
            self._checking = None
