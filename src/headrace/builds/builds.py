"""The builds of a process, and access to those of other processes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from headrace.builds.build import Build, event_line
from headrace.builds.build_storage import BuildStorage
from headrace.builds.shared_log import SharedBuildLog
from headrace.errors import HeadraceError, NotFoundError
from headrace.formats.langflow_build import end_event, error_event, event_json, failed_vertex, sorted_event
from headrace.graph.errors import RunError
from headrace.graph.events import Event, VertexEnded
from headrace.limits.fair_slots import FairSlots
from headrace.limits.large_values import LARGE_VALUE_BYTES
from headrace.runs.errors import InternalRunError
from headrace.runs.runner import account_of

if TYPE_CHECKING:
    from headrace.builds.shared_build import SharedBuild
    from headrace.db.database import Database
    from headrace.runs.flow_resolver import RunnableFlow
    from headrace.runs.request import RunRequest
    from headrace.runs.runner import Runner
    from headrace.settings import LimitSettings

log = logging.getLogger(__name__)

#: Number of times that the event of a vertex contains each value.
VALUE_COPIES = 4


class BuildNotFoundError(NotFoundError):
    """The caller has no build with this id, or it ended too long ago."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job not found: Job queue not found for job_id: {job_id}")


class Builds:
    """Starts builds and finds them by id."""

    def __init__(self, runner: Runner, database: Database, limits: LimitSettings, max_streams: int) -> None:
        """Create the builds.

        Args:
            runner: runs the flows.
            database: stores the events if several processes share it.
            limits: the maximum sizes of builds.
            max_streams: the maximum number of event streams, which users and visitors share.

        """
        self.streams = FairSlots(max_streams)
        self._runner = runner
        self._shared_log = None if database.is_exclusive else SharedBuildLog(database)
        self._builds = BuildStorage(limits, self._shared_log.discard if self._shared_log is not None else None)

    async def start(
        self, owner: UUID, target: RunnableFlow, request: RunRequest, *, subscriber: str, keep: bool
    ) -> Build:
        """Start a build.

        Args:
            owner: The flow's owner, as whom it runs.
            target: The flow.
            request: The input and tweaks.
            subscriber: The user id or anonymous client id that may follow and cancel the build.
            keep: Whether the results of its vertices are stored for the monitor.

        Raises:
            TooManyRunsError: The maximum number of runs is active.
            TooManyAccountRunsError: The owner or visitor has a share of the active runs already.

        """
        self._builds.remove_old()
        self._runner.check_capacity(account_of(owner, request))
        build = Build(uuid4(), owner, subscriber, target.flow_id, request.session_id or str(target.flow_id))
        if self._shared_log is not None:
            build.on_change = self._shared_log.notify
            await self._shared_log.add(build)
        self._builds.add(build)
        request = replace(request, record_id=build.id if keep else None)
        build.task = asyncio.create_task(self._run(build, target, request), name=f"build-{build.id}")
        return build

    async def get(self, subscriber: str, job_id: str) -> Build | SharedBuild:
        """Return a build of this subscriber, from any process.

        Raises:
            BuildNotFoundError: The subscriber has no build with this id.

        """
        self._builds.remove_old()
        try:
            build_id = UUID(job_id)
        except ValueError:
            raise BuildNotFoundError(job_id) from None
        build = self._builds.get(build_id)
        if build is not None and build.subscriber == subscriber:
            return build
        if build is None and (shared := await self._find_shared(subscriber, build_id)) is not None:
            return shared
        raise BuildNotFoundError(job_id)

    async def poll(self, subscriber: str, job_id: str, offset: int | None, timeout: float) -> list[bytes]:  # noqa: ASYNC109 - an empty answer, not an error
        """Return the lines of a build from `offset`, waiting for the first.

        Args:
            subscriber: The user id or anonymous client id that started the build.
            job_id: The build's id.
            offset: The number of the first line; None to continue after the subscriber's previous poll.
            timeout: How long to wait for a line, in seconds.

        Raises:
            BuildNotFoundError: The subscriber has no build with this id.

        """
        build = await self.get(subscriber, job_id)
        # Each poll may reach another process, so the cursor of the shared log counts.
        if offset is None and isinstance(build, Build):
            build = await self._find_shared(subscriber, build.id) or build
        return await build.poll(offset, timeout)

    async def close(self) -> None:
        """Stop all builds."""
        await asyncio.gather(*(build.cancel() for build in self._builds))
        if self._shared_log is not None:
            await self._shared_log.close()

    async def _find_shared(self, subscriber: str, build_id: UUID) -> SharedBuild | None:
        return await self._shared_log.find(subscriber, build_id) if self._shared_log is not None else None

    async def _append_large(self, build: Build, event: Event) -> None:
        """Append an event with large values, which is encoded in a thread."""
        line = await asyncio.to_thread(_encode, event)
        if line is not None:
            self._builds.append(build, line)

    async def _run(self, build: Build, target: RunnableFlow, request: RunRequest) -> None:
        def emit(event: Event) -> Awaitable[None] | None:
            if isinstance(event, VertexEnded):
                size = event.result.output_bytes
                # Checked before the event is built, which takes several times the size of the values.
                self._builds.make_room(build, VALUE_COPIES * size)
                if size > LARGE_VALUE_BYTES:
                    return self._append_large(build, event)
            line = _encode(event)
            if line is not None:
                self._builds.append(build, line)
            return None

        is_cancelled = False
        last: list[dict[str, Any]] = []
        try:
            self._builds.append(build, event_line(sorted_event(target.plan)))
            await self._runner.run(build.owner, target, request, emit)
        except asyncio.CancelledError:
            is_cancelled = True
            raise
        except RunError as error:
            last.append(failed_vertex(error.vertex_id, error.message, error.traceback))
            last.append(error_event(error.message, str(build.flow_id), build.session_id, error.vertex_id))
        except HeadraceError as error:
            last.append(error_event(error.message, str(build.flow_id), build.session_id))
        except Exception:
            log.exception("Build %s failed with an unexpected error", build.id)
            last.append(error_event(InternalRunError().message, str(build.flow_id), build.session_id))
        finally:
            build.ended_at = time.monotonic()
            last.append(end_event(cancelled=is_cancelled))
            self._builds.append_last(build, map(event_line, last))


def _encode(event: Event) -> bytes | None:
    """Return the line of an event, or None if editors do not receive it."""
    body = event_json(event)
    return None if body is None else event_line(body)
