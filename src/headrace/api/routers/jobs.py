"""Routes for the caller's background jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.db.jobs import JobStatus

router = APIRouter(prefix="/api/v1/jobs", tags=["Webhooks"])


class Job(BaseModel):
    """A run in the background."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    flow_id: UUID
    status: JobStatus
    error: str | None
    attempts: int = Field(description="Number of starts: more than one if a server process was killed during the run.")
    created_at: datetime
    ended_at: datetime | None


@router.get("")
async def list_jobs(
    caller: CurrentUser,
    server: ServicesDep,
    flow_id: UUID | None = None,
    status: JobStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[Job]:
    """List the caller's background jobs, newest first. Jobs are deleted one day after they end."""
    rows = await server.jobs.list_jobs(caller.id, flow_id, status, limit)
    return [Job.model_validate(dict(row)) for row in rows]


@router.get("/{background_job_id}", responses={404: {"description": "The caller has no job with this id"}})
async def read_job(background_job_id: UUID, caller: CurrentUser, server: ServicesDep) -> Job:
    """Return the status of one of the caller's background jobs."""
    return Job.model_validate(dict(await server.jobs.get_job(caller.id, background_job_id)))
