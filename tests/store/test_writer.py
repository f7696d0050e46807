"""The group-commit writer: who shares, who fails, who waits."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import IntegrityError

from headrace.store import users
from headrace.store.store import Store
from headrace.store.tables import users as table
from headrace.store.writer import WriterClosedError
from tests.conftest import settings_for

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def store(database_url: str | None, tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(settings_for(tmp_path, database_url))
    await opened.open()
    yield opened
    await opened.close()


def adding(name: str) -> Any:
    async def add(connection: Any) -> uuid.UUID:
        return await users.add(connection, name, "hash", is_superuser=False, is_active=True)

    return add


def fresh() -> str:
    return f"user-{uuid.uuid4()}"


async def test_concurrent_writers_share_a_commit(store: Store) -> None:
    commits: list[object] = []
    event.listen(store.engine.sync_engine, "commit", commits.append)
    await asyncio.gather(*(store.write(adding(fresh())) for _ in range(50)))
    assert len(commits) <= 3


async def test_one_failing_write_fails_alone(store: Store) -> None:
    taken = fresh()
    await store.write(adding(taken))
    others = [fresh() for _ in range(10)]
    outcomes = await asyncio.gather(
        *(store.write(adding(n)) for n in [*others[:5], taken, *others[5:]]), return_exceptions=True
    )
    assert [type(o) for o in outcomes] == [uuid.UUID] * 5 + [IntegrityError] + [uuid.UUID] * 5
    async with store.reading() as connection:
        kept = (
            await connection.execute(select(func.count()).select_from(table).where(table.c.username.in_(others)))
        ).scalar_one()
    assert kept == 10


async def test_a_failed_write_leaves_nothing_half_written(store: Store) -> None:
    name = fresh()

    async def half(connection: Any) -> None:
        await adding(name)(connection)
        await connection.execute(text("SELECT * FROM no_such_table"))

    with pytest.raises(Exception, match="no_such_table"):
        await store.write(half)
    async with store.reading() as connection:
        assert await users.by_name(connection, name) is None


async def test_stopping_commits_what_was_accepted_and_takes_no_more(database_url: str | None, tmp_path: Path) -> None:
    store = Store(settings_for(tmp_path, database_url))
    await store.open()
    names = [fresh() for _ in range(20)]
    writes = [asyncio.ensure_future(store.write(adding(n))) for n in names]
    await asyncio.sleep(0)
    await store.close()
    assert all(isinstance(w, uuid.UUID) for w in await asyncio.gather(*writes))
    with pytest.raises(WriterClosedError):
        await store.write(adding(fresh()))
