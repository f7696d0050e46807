"""Queries on jobs: accepted runs that wait until a process claims and executes them.

A claim is a lease. If a process stops renewing it, another process takes over the job.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import and_, case, delete, func, insert, or_, select, update

from headrace.db.quotas import lock_owner
from headrace.db.tables import jobs
from headrace.errors import RetryLaterError, UnprocessableError
from headrace.limits.byte_budget import readable_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


class JobStatus(StrEnum):
    """The state of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class TooManyJobsError(RetryLaterError):
    """The waiting jobs of an owner, or of a visitor of the owner's flows, have the maximum number or size."""

    def __init__(self, waiting: str, setting: str) -> None:
        super().__init__(
            f"{waiting} are already waiting. Try again later; an operator can raise {setting}.",
            seconds=10,
        )


class IdempotencyConflictError(UnprocessableError):
    """An idempotency key was sent again with another payload."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The idempotency key {key!r} was sent before, with another payload. Send a new key.")


@dataclass(frozen=True, slots=True)
class NewJob:
    """A run to queue.

    Attributes:
        request: the inputs of the run as JSON.
        digest: the SHA-256 of the request, to detect a reused idempotency key.
        key: the idempotency key, if the client sent one.
        visitor: the network address of an anonymous caller; empty for the owner.

    """

    owner: UUID
    flow_id: UUID
    request: dict[str, Any]
    digest: str
    key: str | None = None
    visitor: str = ""


@dataclass(frozen=True, slots=True)
class WaitingJob:
    """A job that may be claimed."""

    id: UUID
    owner: UUID
    #: The network address of an anonymous caller; empty for the owner.
    visitor: str


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """The maximum number of an owner's waiting jobs, and the maximum size of their requests in bytes.

    A visitor's jobs may take as much of both as the owner has left, like the slots of `FairSlots`: a lone visitor can have half.
    """

    max_jobs: int
    max_bytes: int


async def add(connection: AsyncConnection, job: NewJob, limits: QueueLimits) -> RowMapping:
    """Add a job and return its row, or the row of the existing job with the same idempotency key.

    Raises:
        IdempotencyConflictError: the existing job has another payload.
        TooManyJobsError: the waiting jobs of the owner have reached a limit.

    """
    await lock_owner(connection, job.owner)
    if job.key is not None:
        known = select(jobs).where(jobs.c.user_id == job.owner, jobs.c.flow_id == job.flow_id, jobs.c.key == job.key)
        row = (await connection.execute(known)).mappings().one_or_none()
        if row is not None:
            if row["digest"] != job.digest:
                raise IdempotencyConflictError(job.key)
            return row
    size = len(orjson.dumps(job.request))
    await _check_queue(connection, job, size, limits)
    values = {
        "id": uuid4(),
        "user_id": job.owner,
        "flow_id": job.flow_id,
        "key": job.key,
        "digest": job.digest,
        "request": job.request,
        "request_bytes": size,
        "visitor": job.visitor,
        "status": JobStatus.QUEUED,
        "attempts": 0,
        "created_at": datetime.now(UTC),
    }
    await connection.execute(insert(jobs), values)
    return (await connection.execute(select(jobs).where(jobs.c.id == values["id"]))).mappings().one()


async def _check_queue(connection: AsyncConnection, job: NewJob, added: int, limits: QueueLimits) -> None:
    """Check that a job with a request of `added` bytes may wait."""
    waiting = (
        select(jobs.c.request_bytes, jobs.c.visitor)
        .where(jobs.c.user_id == job.owner, jobs.c.status == JobStatus.QUEUED)
        .limit(limits.max_jobs)
        .subquery()
    )
    own = waiting.c.visitor == job.visitor
    size = waiting.c.request_bytes
    sums = (func.coalesce(func.sum(value), 0) for value in (size, case((own, 1), else_=0), case((own, size), else_=0)))
    query = select(func.count(), *sums).select_from(waiting)
    count, size_of_all, own_count, own_size = (await connection.execute(query)).one()
    free, free_bytes = limits.max_jobs - count, limits.max_bytes - size_of_all - added
    if free <= 0:
        raise TooManyJobsError(f"{limits.max_jobs} runs of the flow's owner", "HEADRACE_MAX_WAITING_JOBS")
    if free_bytes < 0:
        raise TooManyJobsError(
            f"Runs of the flow's owner with {readable_size(limits.max_bytes)} of inputs",
            "HEADRACE_MAX_WAITING_JOB_BYTES",
        )
    if job.visitor and own_count >= free:
        raise TooManyJobsError(f"{own_count} runs from your address", "HEADRACE_MAX_WAITING_JOBS")
    if job.visitor and own_size > free_bytes:
        raise TooManyJobsError(
            f"Runs from your address with {readable_size(int(own_size))} of inputs", "HEADRACE_MAX_WAITING_JOB_BYTES"
        )


async def claim(
    connection: AsyncConnection,
    worker: UUID,
    choose: Callable[[Sequence[WaitingJob]], list[UUID]],
    *,
    limit: int,
    lease: float,
) -> Sequence[RowMapping]:
    """Claim jobs that wait or whose lease has expired.

    Args:
        connection: a connection with a transaction.
        worker: the id of the worker that claims.
        choose: returns the ids of the jobs to claim among at most `limit` candidates. Owners take turns in the candidates, and so
            do the visitors of an owner, each with their oldest job first.
        limit: the maximum number of candidates.
        lease: the time after which others may claim the jobs, in seconds.

    """
    now = datetime.now(UTC)
    free = or_(jobs.c.status == JobStatus.QUEUED, and_(jobs.c.status == JobStatus.RUNNING, jobs.c.lease_until < now))
    turn = func.row_number().over(partition_by=[jobs.c.user_id, jobs.c.visitor], order_by=jobs.c.created_at)
    columns = (jobs.c.id, jobs.c.user_id, jobs.c.visitor, jobs.c.created_at)
    by_visitor = select(*columns, turn.label("turn")).where(free).subquery()
    owner_turn = func.row_number().over(
        partition_by=by_visitor.c.user_id, order_by=[by_visitor.c.turn, by_visitor.c.created_at]
    )
    ranked = select(by_visitor, owner_turn.label("owner_turn")).subquery()
    best = (
        select(ranked.c.id, ranked.c.user_id, ranked.c.visitor)
        .order_by(ranked.c.owner_turn, ranked.c.created_at)
        .limit(limit)
    )
    chosen = choose([WaitingJob(row[0], row[1], row[2]) for row in await connection.execute(best)])
    if not chosen:
        return []
    # Jobs that another process is claiming are skipped.
    locked = select(jobs.c.id).where(jobs.c.id.in_(chosen), free).with_for_update(skip_locked=True)
    claimed = (
        update(jobs)
        .where(jobs.c.id.in_(list((await connection.execute(locked)).scalars())))
        .values(
            status=JobStatus.RUNNING,
            worker=worker,
            lease_until=now + timedelta(seconds=lease),
            attempts=jobs.c.attempts + 1,
        )
    )
    rows: Sequence[RowMapping] = (await connection.execute(claimed.returning(jobs))).mappings().all()
    return rows


async def renew(connection: AsyncConnection, worker: UUID, lease: float) -> None:
    """Extend the leases of a worker's jobs to `lease` seconds from now."""
    mine = update(jobs).where(jobs.c.worker == worker, jobs.c.status == JobStatus.RUNNING)
    await connection.execute(mine.values(lease_until=datetime.now(UTC) + timedelta(seconds=lease)))


async def count_waiting(connection: AsyncConnection) -> int:
    """Return the number of jobs of all owners that wait for a process."""
    return int((await connection.execute(select(func.count()).where(jobs.c.status == JobStatus.QUEUED))).scalar_one())


async def release(connection: AsyncConnection, worker: UUID | None = None, job_id: UUID | None = None) -> None:
    """Return running jobs to the queue.

    With a worker, only its jobs, and the attempt is not counted; without one, the jobs of all workers.
    """
    query = update(jobs).where(jobs.c.status == JobStatus.RUNNING)
    if worker is not None:
        query = query.where(jobs.c.worker == worker)
    if job_id is not None:
        query = query.where(jobs.c.id == job_id)
    attempts = jobs.c.attempts - 1 if worker is not None else jobs.c.attempts
    await connection.execute(query.values(status=JobStatus.QUEUED, worker=None, lease_until=None, attempts=attempts))


async def finish(connection: AsyncConnection, worker: UUID, job_id: UUID, error: str | None) -> bool:
    """End a job if this worker still holds it, store the outcome, delete the request, and return whether it was held."""
    ended = await connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.worker == worker)
        .values(
            status=JobStatus.SUCCEEDED if error is None else JobStatus.FAILED,
            error=error,
            request=None,
            worker=None,
            lease_until=None,
            ended_at=datetime.now(UTC),
        )
    )
    return ended.rowcount > 0


async def cancel(connection: AsyncConnection, owner: UUID, job_id: UUID) -> None:
    """End one of the owner's jobs that has not ended. The worker that holds it loses it."""
    await connection.execute(
        update(jobs)
        .where(jobs.c.user_id == owner, jobs.c.id == job_id, jobs.c.status.in_((JobStatus.QUEUED, JobStatus.RUNNING)))
        .values(
            status=JobStatus.FAILED,
            error="The job was cancelled.",
            request=None,
            worker=None,
            lease_until=None,
            ended_at=datetime.now(UTC),
        )
    )


async def list_held(connection: AsyncConnection, worker: UUID) -> set[UUID]:
    """Return the ids of the jobs that a worker holds."""
    query = select(jobs.c.id).where(jobs.c.worker == worker, jobs.c.status == JobStatus.RUNNING)
    return set((await connection.execute(query)).scalars())


async def prune(connection: AsyncConnection, before: datetime) -> None:
    """Delete the jobs that ended before a time."""
    await connection.execute(delete(jobs).where(jobs.c.ended_at < before))


#: The columns of a job without its request, which may be large.
_STATUS_COLUMNS = [column for column in jobs.c if column.name != "request"]


async def get(connection: AsyncConnection, owner: UUID, job_id: UUID) -> RowMapping | None:
    """Return one of the owner's jobs, without its request."""
    query = select(*_STATUS_COLUMNS).where(jobs.c.user_id == owner, jobs.c.id == job_id)
    return (await connection.execute(query)).mappings().one_or_none()


async def list_recent(
    connection: AsyncConnection, owner: UUID, flow_id: UUID | None, status: JobStatus | None, limit: int
) -> Sequence[RowMapping]:
    """Return the owner's newest jobs, of one flow or one status or of all, without their requests."""
    query = select(*_STATUS_COLUMNS).where(jobs.c.user_id == owner)
    if flow_id is not None:
        query = query.where(jobs.c.flow_id == flow_id)
    if status is not None:
        query = query.where(jobs.c.status == status)
    return (await connection.execute(query.order_by(jobs.c.created_at.desc(), jobs.c.id).limit(limit))).mappings().all()
