"""Background jobs, as their owners see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.db import jobs
from headrace.errors import NotFoundError

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from headrace.db.database import Database
    from headrace.db.jobs import JobStatus


class JobService:
    """Reads the background jobs of each owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_jobs(
        self, owner: UUID, flow_id: UUID | None, status: JobStatus | None, limit: int
    ) -> Sequence[RowMapping]:
        """Return at most `limit` of the owner's jobs, newest first.

        Args:
            owner: the jobs' owner.
            flow_id: only jobs of this flow, unless None.
            status: only jobs with this status, unless None.
            limit: the maximum number of jobs.

        """
        async with self._database.connect() as connection:
            return await jobs.list_recent(connection, owner, flow_id, status, limit)

    async def get_job(self, owner: UUID, job_id: UUID) -> RowMapping:
        """Return one of the owner's jobs.

        Raises:
            NotFoundError: The owner has no job with this id.

        """
        async with self._database.connect() as connection:
            row = await jobs.get(connection, owner, job_id)
        if row is None:
            raise NotFoundError("You have no job with this id. Jobs are deleted one day after they end.")
        return row
