"""Jobs: runs that were accepted and are done once there is room, whatever happens to the process meanwhile.

A job is a row before its caller is answered. Each process claims some, and holds them by a lease that it renews; what a
killed process held is claimed anew. So a job's run is begun at least once, and up to `MOST_ATTEMPTS` times.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy.exc import IntegrityError

from headrace.errors import HeadraceError, TryAgainError
from headrace.runs.request import STRANGER, RunRequest
from headrace.runs.runner import UnexpectedRunError
from headrace.store import jobs

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from headrace.runs.runner import Runner
    from headrace.store.store import Store

log = logging.getLogger(__name__)

#: Another process's jobs are looked for so often, seconds.
LOOK_EVERY = 2.0
#: A run that took the process down with it so many times is not begun again.
MOST_ATTEMPTS = 3
#: How a job ended can be read for so long.
KEPT = timedelta(days=1)
SWEEP_EVERY = 3600.0


class Jobs:
    """The jobs that this process does of all that there are."""

    def __init__(self, store: Store, runner: Runner, *, at_once: int, most_waiting: int, lease: float) -> None:
        """Set up.

        Args:
            store: where the jobs are.
            runner: runs their flows.
            at_once: so many run at once in this process.
            most_waiting: so many of one owner may wait.
            lease: a process that says nothing for so long has lost its jobs to others, seconds.

        """
        self._store = store
        self._runner = runner
        self._at_once = at_once
        self._most_waiting = most_waiting
        self._lease = lease
        self._worker = uuid4()
        self._come = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take over what a dead process left, and begin to work."""
        if self._store.sole_writer:
            await self._store.write(jobs.release)
        self._come.set()
        self._loops = [
            asyncio.create_task(self._work(), name="jobs"),
            asyncio.create_task(self._hold(), name="job-leases"),
        ]

    async def stop(self) -> None:
        """Stop what runs and let it wait for another process, or for the next start."""
        left = [*self._loops, *self._running]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if left:
            await self._store.write(lambda c: jobs.release(c, self._worker))

    async def accept(self, job: jobs.NewJob) -> RowMapping:
        """Return a job's row once it is committed; a second one with the same key is the first.

        Raises:
            ReusedKeyError: the first with this key had something else to do.
            TooManyJobsError: too many of its owner wait.

        """
        try:
            row = await self._store.write(lambda c: jobs.add(c, job, self._most_waiting))
        except IntegrityError:
            # Another process took the first one with this key at the same moment.
            row = await self._store.write(lambda c: jobs.add(c, job, self._most_waiting))
        self._come.set()
        return row

    async def _work(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self._come.wait(), LOOK_EVERY)
            except TimeoutError:
                if self._store.sole_writer:
                    continue
            self._come.clear()
            try:
                await self._claim()
            except Exception:
                log.exception("no jobs could be claimed; trying again")
                await asyncio.sleep(LOOK_EVERY)
                self._come.set()

    async def _claim(self) -> None:
        room = self._at_once - len(self._running)
        if room <= 0:
            return
        claimed = await self._store.write(lambda c: jobs.claim(c, self._worker, most=room, lease=self._lease))
        for row in claimed:
            task = asyncio.create_task(self._do(row), name=f"job-{row['id']}")
            self._running.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its row still says that it runs: once the lease is over, it is begun again.
            log.error("the end of %s could not be kept: %s", task.get_name(), type(error).__name__)
        self._come.set()

    async def _do(self, row: RowMapping) -> None:
        try:
            error = await self._run(row)
        except TryAgainError as full:
            # Runs that somebody waits for come first.
            await asyncio.sleep(full.seconds)
            await self._store.write(lambda c: jobs.release(c, self._worker, row["id"]))
            return
        except Exception as unforeseen:
            log.exception("unexpected error in job %s", row["id"])
            error = unforeseen.message if isinstance(unforeseen, HeadraceError) else UnexpectedRunError().message
        if error is not None:
            log.warning("job %s of flow %s failed", row["id"], row["flow_id"])
        await self._store.write(lambda c: jobs.finish(c, self._worker, row["id"], error))

    async def _run(self, row: RowMapping) -> str | None:
        """Run a job's flow; return what went wrong, or None."""
        if row["attempts"] > MOST_ATTEMPTS:
            return f"The server stopped {MOST_ATTEMPTS} times in the middle of this run. It is not begun again."
        asked: dict[str, Any] = row["request"]
        request = RunRequest(
            origin="public" if asked.get(STRANGER) else "job",
            keep_as=row["id"],
            input_value=asked.get("input_value"),
            tweaks=asked.get("tweaks", {}),
            session_id=asked.get("session_id"),
        )
        try:
            target = await self._runner.target(row["user_id"], str(row["flow_id"]))
            await self._runner.run(row["user_id"], target, request)
        except TryAgainError:
            raise
        except HeadraceError as error:
            return error.message
        return None

    async def _hold(self) -> None:
        swept = 0.0
        while True:
            try:
                if self._running:
                    await self._store.write(lambda c: jobs.renew(c, self._worker, self._lease))
                if swept <= 0:
                    swept = SWEEP_EVERY
                    await self._store.write(lambda c: jobs.forget(c, datetime.now(UTC) - KEPT))
            except Exception:
                log.exception("leases of jobs could not be renewed; trying again")
            await asyncio.sleep(self._lease / 3)
            swept -= self._lease / 3
