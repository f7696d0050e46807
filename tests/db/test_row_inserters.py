"""Rows that the driver stores read back through SQLAlchemy as if SQLAlchemy had stored them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from headrace.db import flow_changes, projects, users
from headrace.db.database import Database
from headrace.db.tables import messages, transactions, vertex_builds
from tests.conftest import settings_for

pytestmark = pytest.mark.anyio

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
TIMES = st.datetimes(
    datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))])
)  # fmt: skip


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def database(database_url: str | None, tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(settings_for(tmp_path, database_url))
    await opened.open()
    yield opened
    await opened.close()


async def create_flow(database: Database) -> tuple[uuid.UUID, uuid.UUID]:
    """Create a user with a flow; return both ids."""

    async def create(connection: Any) -> tuple[uuid.UUID, uuid.UUID]:
        name = f"user-{uuid.uuid4()}"
        owner = await users.add(connection, name, "hash", is_superuser=False, is_active=True)
        await projects.get_default_id(connection, owner)
        values = {
            "name": "flow",
            "is_component": False,
            "locked": False,
            "mcp_enabled": False,
            "access_type": "PRIVATE",
        }
        return owner, (await flow_changes.create(connection, owner, values))["id"]

    return await database.write(create)


def message(owner: uuid.UUID, **values: Any) -> dict[str, Any]:
    return {
        "id": uuid.uuid4(),
        "user_id": owner,
        "session_id": "s",
        "context_id": "",
        "text": "hello",
        "files": [],
        "error": False,
        "edit": True,
        "category": "message",
        "properties": {},
        "content_blocks": [],
        "timestamp": datetime.now(UTC),
        **values,
    }


def draw_row(data: st.DataObject, table: Table, owner: uuid.UUID, flow_id: uuid.UUID) -> dict[str, Any]:
    values = {"Text": TEXT, "JSON": st.lists(JSON, max_size=3) | st.dictionaries(TEXT, JSON, max_size=3), "UtcDateTime": TIMES, "Boolean": st.booleans(), "Uuid": st.uuids(), "String": TEXT.map(lambda t: t[:16]), "Integer": st.integers(0, 2**31 - 1)}  # fmt: skip
    row: dict[str, Any] = {}
    for column in table.columns:
        strategy = values[type(column.type).__name__]
        row[column.name] = data.draw(st.none() | strategy if column.nullable else strategy)
        if column.nullable and data.draw(st.booleans()):
            del row[column.name]
    return {**row, next(iter(table.primary_key)).name: uuid.uuid4(), "user_id": owner, "flow_id": flow_id}


async def read(database: Database, table: Table, key: uuid.UUID) -> dict[str, Any]:
    async with database.connect() as connection:
        row = (await connection.execute(select(table).where(next(iter(table.primary_key)) == key))).mappings().one()
    return {name: value for name, value in row.items() if name != next(iter(table.primary_key)).name}


@pytest.mark.parametrize("table", [messages, vertex_builds, transactions], ids=lambda table: str(table.name))
def test_an_inserted_row_reads_back_as_one_that_sqlalchemy_inserts(
    table: Table, database_url: str | None, tmp_path: Path
) -> None:
    with asyncio.Runner() as runner:
        database = Database(settings_for(tmp_path, database_url))
        runner.run(database.open())
        owner, flow_id = runner.run(create_flow(database))
        key = next(iter(table.primary_key)).name

        @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.data())
        def compare(data: st.DataObject) -> None:
            row = draw_row(data, table, owner, flow_id)
            other = {**row, key: uuid.uuid4()}

            async def store(connection: Any) -> None:
                await connection.execute(insert(table), other)

            runner.run(_insert(database, table, row))
            runner.run(database.write(store))
            assert runner.run(read(database, table, row[key])) == runner.run(read(database, table, other[key]))

        compare()
        runner.run(database.close())


async def _insert(database: Database, table: Table, row: dict[str, Any]) -> None:
    await database.writer.insert(table, row)


async def test_rows_of_several_tables_are_stored_together(database: Database) -> None:
    owner, flow_id = await create_flow(database)
    build: dict[str, Any] = {
        "build_id": uuid.uuid4(),
        "user_id": owner,
        "flow_id": flow_id,
        "id": "v",
        "timestamp": datetime.now(UTC),
    }
    rows: list[tuple[Table, dict[str, Any]]] = [
        (messages, message(owner)),
        (vertex_builds, {**build, "valid": True, "data": {"a": 1}}),
    ]
    await database.writer.insert_rows(rows)
    assert (await read(database, vertex_builds, build["build_id"]))["data"] == {"a": 1}
    assert (await read(database, messages, rows[0][1]["id"]))["text"] == "hello"


async def test_a_failing_row_does_not_affect_other_rows(database: Database) -> None:
    owner, _ = await create_flow(database)
    good = [message(owner, text="x" * 100_000) for _ in range(70)]
    orphan = message(uuid.uuid4())
    futures = [database.writer.insert(messages, row) for row in [*good[:30], orphan, *good[30:]]]
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None)] * 30 + [IntegrityError] + [type(None)] * 40
    for row in good:
        assert (await read(database, messages, row["id"]))["text"] == row["text"]


async def test_a_null_character_is_an_error_on_postgresql_only(database: Database, database_url: str | None) -> None:
    owner, _ = await create_flow(database)
    row = message(owner, text="a\x00b")
    if database_url is None:
        await database.writer.insert(messages, row)
        assert (await read(database, messages, row["id"]))["text"] == "a\x00b"
    else:
        with pytest.raises(DBAPIError):
            await database.writer.insert(messages, row)


async def test_rows_and_callbacks_keep_their_order(database: Database) -> None:
    owner, _ = await create_flow(database)
    row = message(owner, text="before")

    async def change(connection: Any) -> None:
        await connection.execute(messages.update().where(messages.c.id == row["id"]).values(text="after"))

    inserted = database.writer.insert(messages, row)
    await database.write(change)
    await inserted
    assert (await read(database, messages, row["id"]))["text"] == "after"
