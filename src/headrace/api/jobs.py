"""Jobs: how the caller's runs ended that nobody waited for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from headrace.api.errors import NotFoundError
from headrace.api.state import CallerNow, Server
from headrace.store import jobs
from headrace.store.jobs import JobStatus

router = APIRouter(prefix="/api/v1/jobs", tags=["Webhooks"])


class Job(BaseModel):
    """A run in the background."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    flow_id: UUID
    status: JobStatus
    error: str | None
    #: How often it was begun: again where the process that ran it was killed.
    attempts: int
    created_at: datetime
    ended_at: datetime | None


@router.get("")
async def list_jobs(
    caller: CallerNow,
    server: Server,
    flow_id: UUID | None = None,
    status: JobStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[Job]:
    """List the caller's runs in the background, newest first. They are kept for a day after their end."""
    async with server.store.reading() as connection:
        rows = await jobs.newest(connection, caller.id, flow_id, status, limit)
    return [Job.model_validate(dict(row)) for row in rows]


@router.get("/{background_job_id}", responses={404: {"description": "The caller has no such job"}})
async def read_job(background_job_id: UUID, caller: CallerNow, server: Server) -> Job:
    """Return how far one of the caller's runs in the background has come."""
    async with server.store.reading() as connection:
        row = await jobs.one(connection, caller.id, background_job_id)
    if row is None:
        raise NotFoundError("You have no such job; it is forgotten a day after its end.")
    return Job.model_validate(dict(row))
