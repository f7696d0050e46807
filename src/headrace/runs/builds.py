"""Builds: runs that an editor watches. Each keeps its events for whoever comes, or comes back, to read them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import orjson

from headrace.errors import HeadraceError
from headrace.graph.errors import RunError
from headrace.graph.events import Event
from headrace.runs.build_wire import (
    end_event,
    error_event,
    event_json,
    failed_vertex,
    sorted_event,
)
from headrace.runs.journal import Journal, SharedBuild
from headrace.runs.runner import UnexpectedRunError

if TYPE_CHECKING:
    from headrace.runs.request import RunRequest
    from headrace.runs.runner import Runner, Target
    from headrace.store.store import Store

log = logging.getLogger(__name__)

#: A build that has ended can be read for so long, seconds.
KEPT_SECONDS = 300.0
#: Builds that have ended are forgotten earlier, the oldest first, where all of them hold more than this, bytes.
HELD_BYTES = 256_000_000
#: A build that says more than this is stopped, bytes.
MOST_BYTES = 64_000_000


class BuildNotFoundError(HeadraceError):
    """The caller has no build of this id, or it ended too long ago."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job not found: Job queue not found for job_id: {job_id}")


class TalkativeBuildError(HeadraceError):
    """A build said more than is held for its watchers."""

    def __init__(self) -> None:
        super().__init__(f"The build was stopped: it said more than {MOST_BYTES} bytes.")


@dataclass(slots=True)
class Build:
    """One build: its lines so far, and what tells its watchers of another."""

    id: UUID
    owner: UUID
    #: Who began it: a user's id, or a visitor's mark. Nobody else watches or stops it.
    watcher: str
    flow_id: UUID
    session_id: str
    lines: list[bytes] = field(default_factory=list)
    size: int = 0
    #: How far the watcher who polls without saying where has read.
    polled: int = 0
    ended_at: float | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    journal: Journal | None = None
    task: asyncio.Task[None] | None = None

    def say(self, event: dict[str, Any]) -> None:
        """Add a line."""
        line = orjson.dumps(event) + b"\n\n"
        self.size += len(line)
        self.lines.append(line)
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()
        if self.journal is not None:
            self.journal.hear()

    async def follow(self, offset: int) -> AsyncIterator[bytes]:
        """Yield the lines from `offset` on, as they come, until the last."""
        while True:
            while offset < len(self.lines):
                yield self.lines[offset]
                offset += 1
            if self.ended_at is not None:
                return
            await self.changed.wait()

    async def poll(self, offset: int | None, patience: float) -> list[bytes]:
        """Return the lines from `offset` on, or without one those since the last poll.

        Where there are none yet, wait for one, `patience` seconds at most.
        """
        if offset is None:
            lines = await self.poll(self.polled, patience)
            self.polled += len(lines)
            return lines
        if offset >= len(self.lines) and self.ended_at is None:
            try:
                await asyncio.wait_for(self.changed.wait(), patience)
            except TimeoutError:
                return []
        return self.lines[offset:]

    async def cancel(self) -> None:
        """Stop the build and return once it has stopped. One that has ended stays as it is."""
        if self.task is not None and not self.task.done():
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)


class Builds:
    """The builds of this process by their ids, and the way to those of others."""

    def __init__(self, runner: Runner, store: Store) -> None:
        self._runner = runner
        self._builds: OrderedDict[UUID, Build] = OrderedDict()
        self._journal = None if store.sole_writer else Journal(store)

    async def start(self, owner: UUID, target: Target, request: RunRequest, *, watcher: str, keep: bool) -> Build:
        """Begin a build and return it; with `keep`, what its vertices give is stored for the monitor.

        Raises:
            TooManyRunsError: as many as are allowed run already.

        """
        self._forget_old()
        self._runner.check_room()
        build = Build(uuid4(), owner, watcher, target.flow_id, request.session_id or str(target.flow_id))
        if self._journal is not None:
            build.journal = self._journal
            await self._journal.add(build)
        self._builds[build.id] = build
        request = replace(request, keep_as=build.id if keep else None)
        build.task = asyncio.create_task(self._run(build, target, request), name=f"build-{build.id}")
        return build

    async def of(self, watcher: str, job_id: str) -> Build | SharedBuild:
        """Return a build that this watcher began, in whichever process.

        Raises:
            BuildNotFoundError: they have none of this id.

        """
        self._forget_old()
        try:
            build_id = UUID(job_id)
        except ValueError:
            raise BuildNotFoundError(job_id) from None
        build = self._builds.get(build_id)
        if build is not None and build.watcher == watcher:
            return build
        if build is None and (shared := await self._shared(watcher, build_id)) is not None:
            return shared
        raise BuildNotFoundError(job_id)

    async def poll(self, watcher: str, job_id: str, offset: int | None, patience: float) -> list[bytes]:
        """Return what a build said from `offset` on, or without one since the watcher's last poll.

        Raises:
            BuildNotFoundError: the watcher has none of this id.

        """
        build = await self.of(watcher, job_id)
        # Each poll may come to another process, so how far the watcher has read is known to all of them.
        if offset is None and isinstance(build, Build):
            build = await self._shared(watcher, build.id) or build
        return await build.poll(offset, patience)

    async def _shared(self, watcher: str, build_id: UUID) -> SharedBuild | None:
        return await self._journal.find(watcher, build_id) if self._journal is not None else None

    async def close(self) -> None:
        """Stop every build."""
        await asyncio.gather(*(build.cancel() for build in self._builds.values()))
        if self._journal is not None:
            await self._journal.close()

    def _forget_old(self) -> None:
        now = time.monotonic()
        held = sum(build.size for build in self._builds.values())
        for build in list(self._builds.values()):
            if build.ended_at is not None and (now - build.ended_at > KEPT_SECONDS or held > HELD_BYTES):
                held -= build.size
                del self._builds[build.id]

    async def _run(self, build: Build, target: Target, request: RunRequest) -> None:
        def emit(event: Event) -> None:
            if build.size > MOST_BYTES:
                raise TalkativeBuildError
            told = event_json(event)
            if told is not None:
                build.say(told)

        cancelled = False
        try:
            build.say(sorted_event(target.plan))
            await self._runner.run(build.owner, target, request, emit)
        except asyncio.CancelledError:
            cancelled = True
            raise
        except RunError as error:
            build.say(failed_vertex(error.vertex_id, error.message))
            build.say(error_event(error.message, str(build.flow_id), build.session_id, error.vertex_id))
        except HeadraceError as error:
            build.say(error_event(error.message, str(build.flow_id), build.session_id))
        except Exception:
            log.exception("unexpected error in a build")
            build.say(error_event(UnexpectedRunError().message, str(build.flow_id), build.session_id))
        finally:
            build.ended_at = time.monotonic()
            build.say(end_event(cancelled=cancelled))
