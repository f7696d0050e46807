"""The queue of jobs divides the places of an owner among the visitors of the owner's flows."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import insert

from headrace.db import jobs
from headrace.db.database import Database
from headrace.db.jobs import NewJob, QueueLimits, TooManyJobsError, WaitingJob
from headrace.db.tables import flows, users
from tests.conftest import settings_for

pytestmark = pytest.mark.anyio

FIRST, SECOND = "203.0.113.1", "203.0.113.2"
LIMITS = QueueLimits(max_jobs=8, max_bytes=8000)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Queue:
    """The jobs of one flow and its owner."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.owner, self._flow = uuid.uuid4(), uuid.uuid4()

    async def create_owner(self) -> None:
        now = datetime.now(UTC)
        user = {
            "id": self.owner,
            "username": str(self.owner),
            "password": "-",
            "is_active": True,
            "is_superuser": False,
        }
        flow = {
            "id": self._flow,
            "user_id": self.owner,
            "name": "f",
            "is_component": False,
            "webhook": True,
            "locked": False,
        }
        flow |= {"mcp_enabled": False, "access_type": "PRIVATE", "version": 1, "created_at": now, "updated_at": now}
        await self._database.write(lambda c: c.execute(insert(users), {**user, "create_at": now, "updated_at": now}))
        await self._database.write(lambda c: c.execute(insert(flows), flow))

    async def add(self, visitor: str, size: int = 0, limits: QueueLimits = LIMITS) -> UUID:
        job = NewJob(self.owner, self._flow, {"input_value": "x" * size}, "digest", visitor=visitor)
        return UUID(str((await self._database.write(lambda c: jobs.add(c, job, limits)))["id"]))

    async def candidates(self) -> list[WaitingJob]:
        """Return the jobs of the owner that a worker may choose from, in order, without claiming any."""
        seen: list[WaitingJob] = []

        def choose(waiting: object) -> list[UUID]:
            seen[:] = waiting  # type: ignore[call-overload]
            return []

        await self._database.write(lambda c: jobs.claim(c, uuid.uuid4(), choose, limit=500, lease=30))
        return seen


@asynccontextmanager
async def open_queue(folder: Path, database_url: str | None) -> AsyncIterator[Queue]:
    database = Database(settings_for(folder, database_url))
    await database.open()
    try:
        queue = Queue(database)
        await queue.create_owner()
        yield queue
    finally:
        await database.close()


async def test_a_visitor_leaves_places_to_other_visitors_and_to_the_owner(
    tmp_path: Path, own_database_url: str | None
) -> None:
    async with open_queue(tmp_path, own_database_url) as queue:
        for _ in range(4):
            await queue.add(FIRST)
        with pytest.raises(TooManyJobsError, match=r"4 runs from your address.*HEADRACE_MAX_WAITING_JOBS"):
            await queue.add(FIRST)
        await queue.add(SECOND)
        for _ in range(3):
            await queue.add("")
        with pytest.raises(TooManyJobsError, match="8 runs of the flow's owner"):
            await queue.add("")


async def test_a_visitor_leaves_bytes_to_others(tmp_path: Path, own_database_url: str | None) -> None:
    async with open_queue(tmp_path, own_database_url) as queue:
        for _ in range(2):
            await queue.add(FIRST, 1700)
        with pytest.raises(TooManyJobsError, match=r"from your address with 3\.4 kB.*HEADRACE_MAX_WAITING_JOB_BYTES"):
            await queue.add(FIRST, 1700)
        await queue.add(SECOND, 1700)


async def test_visitors_of_an_owner_take_turns(tmp_path: Path, own_database_url: str | None) -> None:
    async with open_queue(tmp_path, own_database_url) as queue:
        first = [await queue.add(FIRST) for _ in range(3)]
        second = await queue.add(SECOND)
        mine = await queue.add("")
        waiting = await queue.candidates()
        assert [job.id for job in waiting] == [first[0], second, mine, first[1], first[2]]
        assert [job.visitor for job in waiting[:3]] == [FIRST, SECOND, ""]
