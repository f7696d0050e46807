"""Changes reach the caches of this process and of others."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from sqlalchemy import text

from headrace.db import users, variables
from headrace.db.database import Database
from headrace.db.variable_lookup import VariableLookup
from tests.conftest import settings_for

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@contextlib.asynccontextmanager
async def open_database(folder: Path, database_url: str | None) -> AsyncIterator[Database]:
    database = Database(settings_for(folder, database_url))
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def create_user(database: Database) -> uuid.UUID:
    name = f"user-{uuid.uuid4()}"
    return await database.write(lambda c: users.add(c, name, "hash", is_superuser=False, is_active=True))


async def add_variable(database: Database, owner: uuid.UUID, value: str) -> uuid.UUID:
    row = await database.write(
        lambda c: variables.add(c, owner, name="KEY", type_="Generic", encrypted=value, default_fields=[])
    )
    return uuid.UUID(str(row["id"]))


async def value_of(lookup: VariableLookup, owner: uuid.UUID) -> str | None:
    variable = await lookup.get(owner, "KEY")
    return None if variable is None else variable.encrypted


async def wait_for(lookup: VariableLookup, owner: uuid.UUID, value: str) -> None:
    async with asyncio.timeout(10):
        while await value_of(lookup, owner) != value:  # noqa: ASYNC110  # it arrives from another connection
            await asyncio.sleep(0.01)


async def test_a_writer_sees_its_own_change_at_once(database_url: str | None, tmp_path: Path) -> None:
    async with open_database(tmp_path, database_url) as database:
        owner, lookup = await create_user(database), VariableLookup(database)
        assert await value_of(lookup, owner) is None
        variable = await add_variable(database, owner, "first")
        assert await value_of(lookup, owner) == "first"
        await database.write(lambda c: variables.change(c, owner, variable, {"value": "second"}))
        assert await value_of(lookup, owner) == "second"
        await database.write(lambda c: variables.remove(c, owner, variable))
        assert await value_of(lookup, owner) is None


async def test_a_rolled_back_change_leaves_the_cached_value(database_url: str | None, tmp_path: Path) -> None:
    async with open_database(tmp_path, database_url) as database:
        owner, lookup = await create_user(database), VariableLookup(database)
        variable = await add_variable(database, owner, "stored")
        assert await value_of(lookup, owner) == "stored"

        async def change_and_fail(connection: object) -> None:
            await variables.change(connection, owner, variable, {"value": "lost"})  # type: ignore[arg-type]  # a connection
            raise ValueError("undo")

        with pytest.raises(ValueError, match="undo"):
            await database.write(change_and_fail)
        assert await value_of(lookup, owner) == "stored"


async def test_another_process_notices_a_change(database_url: str | None, tmp_path: Path) -> None:
    async with open_database(tmp_path, database_url) as first, open_database(tmp_path, database_url) as second:
        owner, lookup = await create_user(first), VariableLookup(second)
        variable = await add_variable(first, owner, "old")
        await wait_for(lookup, owner, "old")
        await first.write(lambda c: variables.change(c, owner, variable, {"value": "new"}))
        await wait_for(lookup, owner, "new")


async def test_caches_answer_while_a_statement_runs(tmp_path: Path) -> None:
    async with open_database(tmp_path, None) as database:
        owner, lookup = await create_user(database), VariableLookup(database)
        await add_variable(database, owner, "stored")
        has_started, may_end = threading.Event(), threading.Event()

        def pause() -> bool:
            has_started.set()
            return may_end.wait(5)

        async def run_slow_statement(connection: AsyncConnection) -> bool:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.create_function("pause", 0, pause)
            return bool((await connection.execute(text("SELECT pause()"))).scalar_one())

        write = asyncio.create_task(database.write(run_slow_statement))
        await asyncio.to_thread(has_started.wait)
        await database.changes.check()
        assert await value_of(lookup, owner) == "stored"
        may_end.set()
        assert await write, "the caches waited for the end of the statement"


async def test_a_lost_listener_reconnects_and_writes_continue(database_url: str | None, tmp_path: Path) -> None:
    if database_url is None:
        pytest.skip("SQLite has no connections to lose")
    async with open_database(tmp_path, database_url) as first, open_database(tmp_path, database_url) as second:
        owner, lookup = await create_user(first), VariableLookup(second)
        variable = await add_variable(first, owner, "old")
        await wait_for(lookup, owner, "old")
        admin = await asyncpg.connect(database_url)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await admin.close()
        await first.write(lambda c: variables.change(c, owner, variable, {"value": "new"}))
        await wait_for(lookup, owner, "new")
