"""Builds: runs that an editor watches. Each keeps its events for whoever comes, or comes back, to read them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
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
from headrace.runs.keeping import Keeping
from headrace.runs.runner import UnexpectedRunError

if TYPE_CHECKING:
    from headrace.runs.keeping import KeepingLimits
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
    task: asyncio.Task[None] | None = None

    def say(self, event: dict[str, Any]) -> None:
        """Add a line."""
        line = orjson.dumps(event) + b"\n\n"
        self.size += len(line)
        self.lines.append(line)
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

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


class Builds:
    """The builds of this process, by their ids."""

    def __init__(self, runner: Runner, store: Store, limits: KeepingLimits) -> None:
        self._runner = runner
        self._store = store
        self._limits = limits
        self._builds: OrderedDict[UUID, Build] = OrderedDict()

    def start(self, owner: UUID, target: Target, request: RunRequest, *, watcher: str, keep: bool) -> Build:
        """Begin a build and return it; with `keep`, what its vertices give is stored for the monitor.

        Raises:
            TooManyRunsError: as many as are allowed run already.

        """
        self._forget_old()
        self._runner.check_room()
        build = Build(uuid4(), owner, watcher, target.flow_id, request.session_id or str(target.flow_id))
        self._builds[build.id] = build
        build.task = asyncio.create_task(self._run(build, target, request, keep=keep), name=f"build-{build.id}")
        return build

    def of(self, watcher: str, job_id: str) -> Build:
        """Return a build that this watcher began.

        Raises:
            BuildNotFoundError: they have none of this id.

        """
        self._forget_old()
        try:
            build = self._builds.get(UUID(job_id))
        except ValueError:
            build = None
        if build is None or build.watcher != watcher:
            raise BuildNotFoundError(job_id)
        return build

    async def cancel(self, build: Build) -> None:
        """Stop a build and return once it has stopped. One that has ended stays as it is."""
        if build.task is not None and not build.task.done():
            build.task.cancel()
            await asyncio.gather(build.task, return_exceptions=True)

    async def close(self) -> None:
        """Stop every build."""
        await asyncio.gather(*(self.cancel(build) for build in self._builds.values()))

    def _forget_old(self) -> None:
        now = time.monotonic()
        held = sum(build.size for build in self._builds.values())
        for build in list(self._builds.values()):
            if build.ended_at is not None and (now - build.ended_at > KEPT_SECONDS or held > HELD_BYTES):
                held -= build.size
                del self._builds[build.id]

    async def _run(self, build: Build, target: Target, request: RunRequest, *, keep: bool) -> None:
        keeping = Keeping(self._store, self._limits, build.owner, target, build.id) if keep else None

        def emit(event: Event) -> None:
            if build.size > MOST_BYTES:
                raise TalkativeBuildError
            told = event_json(event)
            if told is not None:
                build.say(told)
            if keeping is not None:
                keeping.see(event)

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
            if keeping is not None:
                await keeping.settle()
            build.ended_at = time.monotonic()
            build.say(end_event(cancelled=cancelled))
