"""The database log through which the builds of this process are visible to other processes.

It exists only if several processes share a database. Lines are written in batches, a few times a second.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.builds.shared_build import SharedBuild
from headrace.db import builds
from headrace.limits.account import SERVER_ACCOUNT

if TYPE_CHECKING:
    from headrace.builds.build import Build
    from headrace.db.database import Database

log = logging.getLogger(__name__)

#: Lines are stored in rows of at most this size, in bytes, or of a single line.
MAX_ROW_BYTES = 500_000
#: How long lines are collected before they are written, in seconds.
FLUSH_INTERVAL_SECONDS = 0.05
#: Interval at which cancel requests of other processes are read while builds run, in seconds.
CANCEL_POLL_INTERVAL_SECONDS = 0.25
#: Interval at which running builds are marked as alive, in seconds.
HEARTBEAT_INTERVAL_SECONDS = 5.0
#: How long the lines of a build are stored after its last heartbeat, in seconds.
RETENTION_SECONDS = 300.0
#: Interval at which old builds are deleted, in seconds.
PRUNE_INTERVAL_SECONDS = 60.0


class SharedBuildLog:
    """Writes the lines of this process's builds, and cancels builds that other processes want to stop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        #: Each build of this process, with the number of its lines that are written.
        self._builds: dict[UUID, tuple[Build, int]] = {}
        self._discarded: list[UUID] = []
        self._has_new_lines = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def add(self, build: Build) -> None:
        """Store a build; afterwards other processes can find it."""
        values = {"id": build.id, "user_id": build.owner, "flow_id": build.flow_id, "watcher": build.subscriber}
        await self._database.write(lambda c: builds.add(c, values))
        self._builds[build.id] = (build, 0)
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._write_lines(), name="build-log"),
                asyncio.create_task(self._maintain(), name="build-log-maintenance"),
            ]

    def notify(self) -> None:
        """Schedule a write of new lines."""
        self._has_new_lines.set()

    def discard(self, build: Build) -> None:
        """Delete an ended build with the next write of lines."""
        self._discarded.append(build.id)
        self._has_new_lines.set()

    async def find(self, subscriber: str, build_id: UUID) -> SharedBuild | None:
        """Return a build of this subscriber from any process, or None."""
        async with self._database.connect() as connection:
            row = await builds.get(connection, subscriber, build_id)
        return SharedBuild(self._database, row) if row is not None else None

    async def close(self) -> None:
        """Stop the tasks and write the remaining lines."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._flush()

    async def _write_lines(self) -> None:
        while True:
            await self._has_new_lines.wait()
            self._has_new_lines.clear()
            await asyncio.sleep(FLUSH_INTERVAL_SECONDS)
            try:
                await self._flush()
            except Exception:
                log.exception("The events of builds could not be stored. Trying again")
                await asyncio.sleep(CANCEL_POLL_INTERVAL_SECONDS)
                self._has_new_lines.set()

    async def _flush(self) -> None:
        additions: list[builds.Addition] = []
        for build, written in self._builds.values():
            additions += _additions(build, written)
        discarded, self._discarded = self._discarded, []
        if discarded:
            await self._database.write(lambda c: builds.remove(c, discarded))
        if not additions:
            return
        stored_ids = await self._database.write(lambda c: builds.append_lines(c, additions), SERVER_ACCOUNT)
        for added in additions:
            if added.is_last or added.build_id not in stored_ids:
                self._builds.pop(added.build_id, None)
            else:
                self._builds[added.build_id] = (self._builds[added.build_id][0], added.position + len(added.lines))

    async def _maintain(self) -> None:
        heartbeat_at = pruned_at = time.monotonic()
        while True:
            await asyncio.sleep(CANCEL_POLL_INTERVAL_SECONDS)
            now = time.monotonic()
            running = list(self._builds)
            try:
                if running:
                    await self._cancel_requested(running)
                if running and now - heartbeat_at > HEARTBEAT_INTERVAL_SECONDS:
                    heartbeat_at = now
                    await self._send_heartbeat(running)
                if now - pruned_at > PRUNE_INTERVAL_SECONDS:
                    pruned_at = now
                    await self._database.write(lambda c: builds.prune(c, RETENTION_SECONDS), SERVER_ACCOUNT)
            except Exception:
                log.exception("The build log could not be maintained. Trying again")

    async def _cancel_requested(self, running: list[UUID]) -> None:
        async with self._database.connect() as connection:
            cancelled = await builds.list_cancelled(connection, running)
        for build_id in cancelled:
            build, _ = self._builds.get(build_id, (None, 0))
            if build is not None and build.task is not None:
                build.task.cancel()

    async def _send_heartbeat(self, running: list[UUID]) -> None:
        await self._database.write(lambda c: builds.heartbeat(c, running), SERVER_ACCOUNT)


def _additions(build: Build, position: int) -> Iterator[builds.Addition]:
    """Yield the lines of a build from `position`, in rows of limited size."""
    ended = build.ended_at is not None
    lines, end = build.lines, len(build.lines)
    if ended and position == end:
        yield builds.Addition(build.id, position, [], is_last=True)
    while position < end:
        size, stop = len(lines[position]), position + 1
        while stop < end and size + len(lines[stop]) <= MAX_ROW_BYTES:
            size += len(lines[stop])
            stop += 1
        texts = [line.decode() for line in lines[position:stop]]
        yield builds.Addition(build.id, position, texts, is_last=ended and stop == end)
        position = stop
