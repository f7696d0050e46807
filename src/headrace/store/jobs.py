"""Jobs as rows: runs that were accepted and are done later, by whichever process claims them.

A claim is a lease. A process that dies stops renewing it, and another takes the job over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import and_, delete, func, insert, or_, select, update

from headrace.errors import HeadraceError, TryAgainError
from headrace.store.tables import jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


class JobStatus(StrEnum):
    """How far a job has come."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class TooManyJobsError(TryAgainError):
    """An owner's jobs wait, and no more are taken."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"{most} runs of this owner wait already. Try again later; an operator can raise HEADRACE_MAX_WAITING_JOBS.",
            seconds=10,
        )


class ReusedKeyError(HeadraceError):
    """An idempotency key came again, with something else to do."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The idempotency key {key!r} was sent before, with another payload. Send a new key.")


@dataclass(frozen=True, slots=True)
class NewJob:
    """A run that is to be done: what it takes, as JSON, and what tells it from another."""

    owner: UUID
    flow_id: UUID
    request: dict[str, Any]
    digest: str
    key: str | None = None


async def add(connection: AsyncConnection, job: NewJob, most: int) -> RowMapping:
    """Add a job and return its row; where its key is known, that of the first with this key.

    Raises:
        ReusedKeyError: the first one had something else to do.
        TooManyJobsError: `most` jobs of the owner wait already.

    """
    if job.key is not None:
        known = select(jobs).where(jobs.c.user_id == job.owner, jobs.c.flow_id == job.flow_id, jobs.c.key == job.key)
        row = (await connection.execute(known)).mappings().one_or_none()
        if row is not None:
            if row["digest"] != job.digest:
                raise ReusedKeyError(job.key)
            return row
    waiting = select(jobs.c.id).where(jobs.c.user_id == job.owner, jobs.c.status == JobStatus.QUEUED).limit(most)
    if (await connection.execute(select(func.count()).select_from(waiting.subquery()))).scalar_one() >= most:
        raise TooManyJobsError(most)
    values = {
        "id": uuid4(),
        "user_id": job.owner,
        "flow_id": job.flow_id,
        "key": job.key,
        "digest": job.digest,
        "request": job.request,
        "status": JobStatus.QUEUED,
        "attempts": 0,
        "created_at": datetime.now(UTC),
    }
    await connection.execute(insert(jobs), values)
    return (await connection.execute(select(jobs).where(jobs.c.id == values["id"]))).mappings().one()


async def claim(connection: AsyncConnection, worker: UUID, *, most: int, lease: float) -> Sequence[RowMapping]:
    """Take jobs that wait, or whose process died, for `lease` seconds. Owners take turns, each with the oldest first."""
    now = datetime.now(UTC)
    free = or_(jobs.c.status == JobStatus.QUEUED, and_(jobs.c.status == JobStatus.RUNNING, jobs.c.lease_until < now))
    turn = func.row_number().over(partition_by=jobs.c.user_id, order_by=jobs.c.created_at)
    ranked = select(jobs.c.id, turn.label("turn"), jobs.c.created_at).where(free).subquery()
    best = select(ranked.c.id).order_by(ranked.c.turn, ranked.c.created_at).limit(most)
    order = (await connection.execute(best)).scalars().all()
    if not order:
        return []
    # Those that another process claims at this moment are left to it.
    locked = select(jobs.c.id).where(jobs.c.id.in_(order), free).with_for_update(skip_locked=True)
    taken = (
        update(jobs)
        .where(jobs.c.id.in_(list((await connection.execute(locked)).scalars())))
        .values(
            status=JobStatus.RUNNING,
            worker=worker,
            lease_until=now + timedelta(seconds=lease),
            attempts=jobs.c.attempts + 1,
        )
    )
    rows: Sequence[RowMapping] = (await connection.execute(taken.returning(jobs))).mappings().all()
    return rows


async def renew(connection: AsyncConnection, worker: UUID, lease: float) -> None:
    """Hold on to a worker's jobs for `lease` seconds from now."""
    mine = update(jobs).where(jobs.c.worker == worker, jobs.c.status == JobStatus.RUNNING)
    await connection.execute(mine.values(lease_until=datetime.now(UTC) + timedelta(seconds=lease)))


async def release(connection: AsyncConnection, worker: UUID | None = None, job_id: UUID | None = None) -> None:
    """Let jobs that run wait again, uncounted: a worker's, or all where no worker can be alive."""
    query = update(jobs).where(jobs.c.status == JobStatus.RUNNING)
    if worker is not None:
        query = query.where(jobs.c.worker == worker)
    if job_id is not None:
        query = query.where(jobs.c.id == job_id)
    attempts = jobs.c.attempts - 1 if worker is not None else jobs.c.attempts
    await connection.execute(query.values(status=JobStatus.QUEUED, worker=None, lease_until=None, attempts=attempts))


async def finish(connection: AsyncConnection, worker: UUID, job_id: UUID, error: str | None) -> None:
    """End a job that this worker still holds. What it was asked is forgotten; only how it ended is kept."""
    await connection.execute(
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


async def forget(connection: AsyncConnection, before: datetime) -> None:
    """Delete the jobs that ended before a time."""
    await connection.execute(delete(jobs).where(jobs.c.ended_at < before))


async def one(connection: AsyncConnection, owner: UUID, job_id: UUID) -> RowMapping | None:
    """Return one of the owner's jobs."""
    query = select(jobs).where(jobs.c.user_id == owner, jobs.c.id == job_id)
    return (await connection.execute(query)).mappings().one_or_none()


async def newest(
    connection: AsyncConnection, owner: UUID, flow_id: UUID | None, status: JobStatus | None, limit: int
) -> Sequence[RowMapping]:
    """Return the owner's newest jobs, of one flow or one status or of all."""
    query = select(jobs).where(jobs.c.user_id == owner)
    if flow_id is not None:
        query = query.where(jobs.c.flow_id == flow_id)
    if status is not None:
        query = query.where(jobs.c.status == status)
    return (await connection.execute(query.order_by(jobs.c.created_at.desc(), jobs.c.id).limit(limit))).mappings().all()
