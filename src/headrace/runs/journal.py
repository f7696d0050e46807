"""The journal: what this process's builds say, written where other processes read it for their watchers.

It is kept only where several processes share a database. Lines are written together, a few times a second.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import orjson

from headrace.runs.build_wire import end_event, error_event
from headrace.store import builds

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from headrace.runs.builds import Build
    from headrace.store.store import Store

log = logging.getLogger(__name__)

#: Lines gather for so long before they are written, seconds.
GATHER = 0.05
#: Another process's lines are looked for so often, seconds.
LOOK_EVERY = 0.1
#: Builds that others want stopped are looked for so often while some run, seconds.
LISTEN_EVERY = 0.25
ALIVE_EVERY = 5.0
#: A build whose process said nothing for so long is over, seconds.
DEAD_AFTER = 20.0
#: Builds are forgotten so long after their last word, seconds.
KEPT_SECONDS = 300.0
SWEEP_EVERY = 60.0
#: How long whoever cancels waits for another process to do it, seconds.
CANCEL_PATIENCE = 10.0


class Journal:
    """Writes down what the builds of this process say, and hears what other processes want of them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._live: dict[UUID, tuple[Build, int]] = {}
        self._said = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []

    async def add(self, build: Build) -> None:
        """Make a build known to all; return once it is."""
        values = {"id": build.id, "user_id": build.owner, "flow_id": build.flow_id, "watcher": build.watcher}
        await self._store.write(lambda c: builds.add(c, values))
        self._live[build.id] = (build, 0)
        if not self._loops:
            self._loops = [
                asyncio.create_task(self._write(), name="build-journal"),
                asyncio.create_task(self._listen(), name="build-cancels"),
            ]

    def hear(self) -> None:
        """Take notice that a build said something."""
        self._said.set()

    async def close(self) -> None:
        """Write down the last words."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._flush()

    async def _write(self) -> None:
        while True:
            await self._said.wait()
            self._said.clear()
            await asyncio.sleep(GATHER)
            try:
                await self._flush()
            except Exception:
                log.exception("what builds said could not be written; trying again")
                await asyncio.sleep(LISTEN_EVERY)
                self._said.set()

    async def _flush(self) -> None:
        said: list[tuple[UUID, int, list[str], bool]] = []
        for build, written in self._live.values():
            lines = [line.decode() for line in build.lines[written:]]
            if lines or build.ended_at is not None:
                said.append((build.id, written, lines, build.ended_at is not None))
        if not said:
            return
        there = await self._store.write(lambda c: builds.say(c, said))
        for build_id, position, lines, ended in said:
            if ended or build_id not in there:
                del self._live[build_id]
            else:
                self._live[build_id] = (self._live[build_id][0], position + len(lines))

    async def _listen(self) -> None:
        alive_at = swept_at = time.monotonic()
        while True:
            await asyncio.sleep(LISTEN_EVERY)
            now = time.monotonic()
            running = list(self._live)
            try:
                if running:
                    async with self._store.reading() as connection:
                        unwanted = await builds.cancelled(connection, running)
                    for build_id in unwanted:
                        self._stop(build_id)
                if running and now - alive_at > ALIVE_EVERY:
                    alive_at = now
                    await self._say_alive(running)
                if now - swept_at > SWEEP_EVERY:
                    swept_at = now
                    await self._store.write(lambda c: builds.forget(c, KEPT_SECONDS))
            except Exception:
                log.exception("builds of this process could not be looked after; trying again")

    async def _say_alive(self, running: list[UUID]) -> None:
        await self._store.write(lambda c: builds.live(c, running))

    def _stop(self, build_id: UUID) -> None:
        build, _ = self._live.get(build_id, (None, 0))
        if build is not None and build.task is not None:
            build.task.cancel()

    async def find(self, watcher: str, build_id: UUID) -> SharedBuild | None:
        """Return a build of any process that this watcher began, or None."""
        async with self._store.reading() as connection:
            row = await builds.one(connection, watcher, build_id)
        return SharedBuild(self._store, row) if row is not None else None


class SharedBuild:
    """A build that some process runs, read from the journal."""

    def __init__(self, store: Store, row: RowMapping) -> None:
        self._store = store
        self._row = row

    async def _read(self, offset: int) -> tuple[list[bytes], bool]:
        """Return the lines from `offset` on, and whether there will be no more."""
        async with self._store.reading() as connection:
            row = await builds.one(connection, self._row["watcher"], self._row["id"])
            lines = await builds.lines_from(connection, self._row["id"], offset) if row is not None else []
        if row is None:
            return [], True
        told = [line.encode() for line in lines]
        if row["ended"]:
            return told, True
        if (datetime.now(UTC) - row["alive_at"]).total_seconds() > DEAD_AFTER:
            return [*told, *self._last_words()], True
        return told, False

    def _last_words(self) -> list[bytes]:
        flow_id = str(self._row["flow_id"])
        why = error_event("The server that ran this build has stopped. Build the flow again.", flow_id, "")
        return [orjson.dumps(event) + b"\n\n" for event in (why, end_event())]

    async def follow(self, offset: int) -> AsyncIterator[bytes]:
        """Yield the lines from `offset` on, as they come, until the last."""
        ended = False
        while not ended:
            lines, ended = await self._read(offset)
            for line in lines:
                yield line
            offset += len(lines)
            if not lines and not ended:
                await asyncio.sleep(LOOK_EVERY)

    async def poll(self, offset: int | None, patience: float) -> list[bytes]:
        """Return the lines from `offset` on, or without one those since the last poll of any process.

        Where there are none yet, wait for one, `patience` seconds at most.
        """
        begin = self._row["polled"] if offset is None else offset
        deadline = time.monotonic() + patience
        while True:
            lines, ended = await self._read(begin)
            if lines or ended or time.monotonic() >= deadline:
                break
            await asyncio.sleep(LOOK_EVERY)
        if offset is None and lines:
            read = begin + len(lines)
            await self._store.write(lambda c: builds.read_until(c, self._row["watcher"], self._row["id"], read))
        return lines

    async def cancel(self) -> None:
        """Ask the process that runs it to stop it, and return once it has."""
        await self._store.write(lambda c: builds.cancel(c, self._row["watcher"], self._row["id"]))
        deadline = time.monotonic() + CANCEL_PATIENCE
        while time.monotonic() < deadline:
            _, ended = await self._read(0)
            if ended:
                return
            await asyncio.sleep(LOOK_EVERY)
