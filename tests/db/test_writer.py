"""The group-commit writer: shared commits, failures and shutdown."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import IntegrityError

from headrace.db import users
from headrace.db.database import Database
from headrace.db.tables import users as table
from headrace.db.write_queue import SLOW_WRITE_SECONDS
from headrace.db.writer import WriterClosedError, WriteTimeoutError
from headrace.limits.account import Account
from tests.conftest import settings_for

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def database(database_url: str | None, tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(settings_for(tmp_path, database_url))
    await opened.open()
    yield opened
    await opened.close()


def add_user(name: str) -> Any:
    async def add(connection: Any) -> uuid.UUID:
        return await users.add(connection, name, "hash", is_superuser=False, is_active=True)

    return add


def unique_name() -> str:
    return f"user-{uuid.uuid4()}"


async def test_concurrent_writers_share_a_commit(database: Database) -> None:
    commits: list[object] = []
    event.listen(database.writer_engine.sync_engine, "commit", commits.append)
    await asyncio.gather(*(database.write(add_user(unique_name())) for _ in range(50)))
    assert len(commits) <= 3


async def test_a_failing_write_does_not_affect_other_writes(database: Database) -> None:
    name_in_use = unique_name()
    await database.write(add_user(name_in_use))
    others = [unique_name() for _ in range(10)]
    outcomes = await asyncio.gather(
        *(database.write(add_user(n)) for n in [*others[:5], name_in_use, *others[5:]]), return_exceptions=True
    )
    assert [type(o) for o in outcomes] == [uuid.UUID] * 5 + [IntegrityError] + [uuid.UUID] * 5
    async with database.connect() as connection:
        stored_count = (
            await connection.execute(select(func.count()).select_from(table).where(table.c.username.in_(others)))
        ).scalar_one()
    assert stored_count == 10


async def test_a_failed_write_is_rolled_back_completely(database: Database) -> None:
    name = unique_name()

    async def fail_halfway(connection: Any) -> None:
        await add_user(name)(connection)
        await connection.execute(text("SELECT * FROM no_such_table"))

    with pytest.raises(Exception, match="no_such_table"):
        await database.write(fail_halfway)
    async with database.connect() as connection:
        assert await users.get_by_name(connection, name) is None


async def test_closing_commits_accepted_writes_and_rejects_new_ones(database_url: str | None, tmp_path: Path) -> None:
    database = Database(settings_for(tmp_path, database_url))
    await database.open()
    names = [unique_name() for _ in range(20)]
    writes = [asyncio.ensure_future(database.write(add_user(n))) for n in names]
    await asyncio.sleep(0)
    await database.close()
    assert all(isinstance(w, uuid.UUID) for w in await asyncio.gather(*writes))
    with pytest.raises(WriterClosedError):
        await database.write(add_user(unique_name()))


async def test_accounts_take_turns_and_a_slow_one_leaves_room(database: Database) -> None:
    order: list[str] = []

    def write(account: Account, name: str, seconds: float = 0.0) -> asyncio.Task[None]:
        async def apply(_connection: Any) -> None:
            await asyncio.sleep(seconds)
            order.append(name)

        return asyncio.create_task(database.write(apply, account))

    ann, ben = Account("ann"), Account("ben")
    slow = [write(ann, f"ann {number}", 2 * SLOW_WRITE_SECONDS) for number in range(4)]
    await asyncio.sleep(0)
    fast = [write(ben, f"ben {number}") for number in range(3)]
    await asyncio.gather(*slow, *fast)
    # Ben's writes wait for one of Ann's at most; each account keeps its order.
    assert order[0] == "ann 0"
    assert [name for name in order[:5] if name.startswith("ben")] == ["ben 0", "ben 1", "ben 2"]
    assert [name for name in order if name.startswith("ann")] == [f"ann {number}" for number in range(4)]


async def test_a_failed_batch_of_slow_writes_leaves_room_for_others(database: Database) -> None:
    order: list[str] = []
    ann, ben = Account("ann"), Account("ben")

    async def fail(_connection: Any) -> None:
        raise ValueError("the write is not valid")

    def write(account: Account, name: str, seconds: float) -> asyncio.Task[None]:
        async def apply(_connection: Any) -> None:
            await asyncio.sleep(seconds)
            order.append(name)

        return asyncio.create_task(database.write(apply, account))

    failing = asyncio.create_task(database.write(fail, ann))
    slow = [write(ann, f"ann {number}", 2 * SLOW_WRITE_SECONDS) for number in range(10)]
    # Ben's write arrives when the batch has failed and its writes are tried one by one.
    with pytest.raises(ValueError, match="not valid"):
        await failing
    await write(ben, "ben", 0.0)
    assert len(order) < 5, order
    await asyncio.gather(*slow)
    assert [name for name in order if name != "ben"] == [f"ann {number}" for number in range(10)]


async def test_a_write_that_takes_too_long_is_undone_and_others_are_stored(
    database_url: str | None, tmp_path: Path
) -> None:
    database = Database(settings_for(tmp_path, database_url, write_timeout_seconds=0.3))
    await database.open()
    try:
        names = [unique_name() for _ in range(3)]

        async def wait_forever(connection: Any) -> None:
            await add_user(names[0])(connection)
            await asyncio.Event().wait()

        outcomes = await asyncio.gather(
            *(database.write(apply) for apply in (add_user(names[1]), wait_forever, add_user(names[2]))),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [uuid.UUID, WriteTimeoutError, uuid.UUID]
        assert "HEADRACE_WRITE_TIMEOUT_SECONDS" in str(outcomes[1])
        async with database.connect() as connection:
            stored = [await users.get_by_name(connection, name) for name in names]
        assert [row is not None for row in stored] == [False, True, True]
    finally:
        await database.close()


async def test_a_statement_that_takes_too_long_is_interrupted(database_url: str | None, tmp_path: Path) -> None:
    database = Database(settings_for(tmp_path, database_url, write_timeout_seconds=0.3))
    await database.open()
    try:
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        with pytest.raises(WriteTimeoutError):
            await database.write(lambda c: c.execute(text(endless)))
        # SQLAlchemy closes the connection of an interrupted statement. Caches still answer before the next write opens another one.
        await database.changes.check()
        assert isinstance(await database.write(add_user(unique_name())), uuid.UUID)
    finally:
        await database.close()
