"""The worker that executes background runs.

A job is stored before its caller is answered. Each process claims jobs under a lease that it renews; the jobs of a
process that died are claimed again when the lease expires. A job's run therefore starts at least once, and at most
`MAX_ATTEMPTS` times.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID, uuid4

from sqlalchemy.exc import IntegrityError

from headrace.db import jobs
from headrace.errors import HeadraceError, RetryLaterError
from headrace.limits.account import Account
from headrace.limits.fair_slots import FairSlots
from headrace.runs.errors import InternalRunError, ServerStoppingError
from headrace.runs.request import ANONYMOUS, VISITOR, RunRequest

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.db.database import Database
    from headrace.runs.flow_resolver import FlowResolver
    from headrace.runs.runner import Runner
    from headrace.settings.runs import RunSettings

log = logging.getLogger(__name__)

#: Interval at which jobs of other processes are polled, in seconds.
POLL_INTERVAL_SECONDS = 2.0
#: A run that ended together with the process this many times is not started again.
MAX_ATTEMPTS = 3
#: How long the outcome of a job is stored.
RETENTION = timedelta(days=1)
#: Waiting jobs that a worker chooses from, those of each owner in turn. Owners who have their share of the slots are among them.
MAX_CANDIDATES = 500
#: Interval at which old jobs are deleted, in seconds.
PRUNE_INTERVAL_SECONDS = 3600.0


class JobStoppedError(HeadraceError):
    """The server stopped too often during a job."""

    def __init__(self) -> None:
        super().__init__(
            f"The server stopped {MAX_ATTEMPTS} times during this run. Send the request again to start a new run."
        )


@dataclass(frozen=True, slots=True)
class JobResult:
    """The result of a job.

    Attributes:
        error: the error message; None if the job succeeded.
        store: stores the result in the transaction that ends the job. It is not called for a job that was cancelled or taken
            over by another process.

    """

    error: str | None = None
    store: Callable[[AsyncConnection], Awaitable[None]] | None = None


class JobHandler(Protocol):
    """Runs the jobs of a kind."""

    async def run(self, row: RowMapping) -> JobResult:
        """Run a job; raise RetryLaterError if the server is at a limit."""
        ...

    def fail(self, row: RowMapping, error: HeadraceError) -> JobResult:
        """Return the result of a job that failed for a reason outside of its run."""
        ...


class JobWorker:
    """Accepts jobs, and executes those that this process claims."""

    def __init__(
        self,
        database: Database,
        runner: Runner,
        resolver: FlowResolver,
        settings: RunSettings,
        max_waiting_bytes: int,
    ) -> None:
        """Create a worker.

        Args:
            database: Stores the jobs.
            runner: Runs their flows.
            resolver: Finds their flows.
            settings: The limits of concurrent and waiting jobs, and the lease.
            max_waiting_bytes: The maximum size of the requests of an owner's waiting jobs.

        """
        self._database = database
        self._runner = runner
        self._resolver = resolver
        self._settings = settings
        self._queue_limits = jobs.QueueLimits(settings.max_waiting_jobs, max_waiting_bytes)
        self._id = uuid4()
        self._wake_up = asyncio.Event()
        self._slots = FairSlots(settings.max_jobs)
        self._active: dict[UUID, asyncio.Task[None]] = {}
        self._handlers: dict[str, JobHandler] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._is_stopping = False

    def register(self, kind: str, handler: JobHandler) -> None:
        """Let `handler` run the jobs whose request has this `kind`."""
        self._handlers[kind] = handler

    def abort(self, job_id: UUID) -> None:
        """Stop the run of a cancelled job if this process runs it. Another process notices when it renews its leases."""
        task = self._active.get(job_id)
        if task is not None:
            task.cancel()

    async def start(self) -> None:
        """Start to execute jobs, beginning with those that an earlier process left unfinished."""
        if self._database.is_exclusive:
            await self._database.write(jobs.release)
        self._wake_up.set()
        self._loops = [
            asyncio.create_task(self._claim_repeatedly(), name="jobs"),
            asyncio.create_task(self._renew_leases(), name="job-leases"),
        ]

    @property
    def active_jobs(self) -> int:
        """The number of jobs that this process runs."""
        return len(self._active)

    def stop_claiming(self) -> None:
        """Accept and start no further jobs. Those that run may end."""
        self._is_stopping = True

    async def stop(self) -> None:
        """Cancel the active runs and return their jobs to the queue."""
        tasks = [*self._loops, *self._active.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if tasks:
            await self._database.write(lambda c: jobs.release(c, self._id))

    async def enqueue(
        self, job: jobs.NewJob, store: Callable[[AsyncConnection, RowMapping], Awaitable[None]] | None = None
    ) -> RowMapping:
        """Store a job and return its row after the commit. A job with a known idempotency key returns the first one.

        Args:
            job: the job.
            store: stores what belongs to the job, in the same transaction.

        Raises:
            IdempotencyConflictError: The first job with this key has another payload.
            TooManyJobsError: The waiting jobs of the owner, or of the visitor, have the maximum number or size.
            ServerStoppingError: The server is being stopped.

        """
        if self._is_stopping:
            raise ServerStoppingError

        async def add(connection: AsyncConnection) -> RowMapping:
            row = await jobs.add(connection, job, self._queue_limits)
            if store is not None:
                await store(connection, row)
            return row

        try:
            row = await self._database.write(add)
        except IntegrityError:
            # Another process stored a job with the same key at the same moment; the second attempt finds it.
            row = await self._database.write(add)
        self._wake_up.set()
        return row

    async def _claim_repeatedly(self) -> None:
        while True:
            try:
                # Not `wait_for`, which may swallow a cancellation on Python 3.11.
                async with asyncio.timeout(POLL_INTERVAL_SECONDS):
                    await self._wake_up.wait()
            except TimeoutError:
                if self._database.is_exclusive:
                    continue
            self._wake_up.clear()
            try:
                await self._claim()
            except Exception:
                log.exception("Jobs could not be claimed. Trying again in %s seconds", POLL_INTERVAL_SECONDS)
                await asyncio.sleep(POLL_INTERVAL_SECONDS)
                self._wake_up.set()

    async def _claim(self) -> None:
        if self._is_stopping or self._slots.held >= self._slots.total:
            return
        claimed = await self._database.write(
            lambda c: jobs.claim(
                c, self._id, self._choose, limit=MAX_CANDIDATES, lease=self._settings.job_lease_seconds
            )
        )
        for row in claimed:
            account = Account(str(row["user_id"]), row["visitor"])
            self._slots.take(account)
            task = asyncio.create_task(self._process(row), name=f"job-{row['id']}")
            self._active[row["id"]] = task
            task.add_done_callback(functools.partial(self._finish_task, account, row["id"]))

    def _choose(self, candidates: Sequence[jobs.WaitingJob]) -> list[UUID]:
        """Return the jobs that fit into the shares of their accounts. Takes no slot: the transaction may be repeated."""
        slots = self._slots.copy()
        return [job.id for job in candidates if slots.try_acquire(Account(str(job.owner), job.visitor))]

    def _finish_task(self, account: Account, job_id: UUID, task: asyncio.Task[None]) -> None:
        self._slots.release(account)
        if self._active.get(job_id) is task:
            del self._active[job_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its row is still marked as running, so the job starts again when the lease expires.
            log.error("The outcome of %s could not be stored: %s", task.get_name(), type(error).__name__)
        self._wake_up.set()

    async def _process(self, row: RowMapping) -> None:
        handler = self._handlers.get(row["request"].get("kind", ""))
        try:
            result = await self._run(row, handler)
        except ServerStoppingError:
            # Another process, or the next one, starts it again.
            await self._database.write(lambda c: jobs.release(c, self._id, row["id"]))
            return
        except RetryLaterError as limit:
            # The server is at its maximum of runs. Runs with a waiting client take precedence.
            await asyncio.sleep(limit.retry_after)
            await self._database.write(lambda c: jobs.release(c, self._id, row["id"]))
            return
        except Exception as unexpected:
            log.exception("Job %s failed with an unexpected error", row["id"])
            error = unexpected if isinstance(unexpected, HeadraceError) else InternalRunError()
            result = JobResult(error.message) if handler is None else handler.fail(row, error)
        if result.error is not None:
            log.warning("Job %s of flow %s failed", row["id"], row["flow_id"])

        async def finish(connection: AsyncConnection) -> None:
            if await jobs.finish(connection, self._id, row["id"], result.error) and result.store is not None:
                await result.store(connection)

        await self._database.write(finish)

    async def _run(self, row: RowMapping, handler: JobHandler | None) -> JobResult:
        if row["attempts"] > MAX_ATTEMPTS:
            stopped = JobStoppedError()
            return JobResult(stopped.message) if handler is None else handler.fail(row, stopped)
        return JobResult(await self._run_webhook(row)) if handler is None else await handler.run(row)

    async def _run_webhook(self, row: RowMapping) -> str | None:
        """Run the flow of a webhook and return the error message, or None if it succeeded."""
        body: dict[str, Any] = row["request"]
        request = RunRequest(
            origin="public" if body.get(ANONYMOUS) else "job",
            record_id=row["id"],
            input_value=body.get("input_value"),
            tweaks=body.get("tweaks", {}),
            session_id=body.get("session_id"),
            # Jobs that an earlier version stored have the address in the request alone.
            visitor=row["visitor"] or body.get(VISITOR, ""),
        )
        try:
            target = await self._resolver.resolve(row["user_id"], str(row["flow_id"]))
            await self._runner.run(row["user_id"], target, request)
        except RetryLaterError:
            raise
        except HeadraceError as error:
            return error.message
        return None

    async def _renew_leases(self) -> None:
        # Two renewals may fail before the lease expires.
        interval = self._settings.job_lease_seconds / 3
        prune_in_seconds = 0.0
        while True:
            try:
                if self._active:
                    await self._renew()
                if prune_in_seconds <= 0:
                    prune_in_seconds = PRUNE_INTERVAL_SECONDS
                    await self._database.write(lambda c: jobs.prune(c, datetime.now(UTC) - RETENTION))
            except Exception:
                log.exception("The leases of jobs could not be renewed. Trying again")
            await asyncio.sleep(interval)
            prune_in_seconds -= interval

    async def _renew(self) -> None:
        """Renew the leases of this worker's jobs, and stop the runs of those that were cancelled elsewhere."""
        running = set(self._active)

        async def renew(connection: AsyncConnection) -> set[UUID]:
            await jobs.renew(connection, self._id, self._settings.job_lease_seconds)
            return await jobs.list_held(connection, self._id)

        for job_id in running - await self._database.write(renew):
            self.abort(job_id)
