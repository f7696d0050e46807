"""Migrations and tables say the same."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, column, insert, select, table

from headrace.settings import Settings
from headrace.store.engine import open_engine
from headrace.store.migrate import config, head_revision, migrate
from headrace.store.tables import metadata, users, variables
from tests.conftest import settings_for
from tests.databases import postgres_database


def test_a_migrated_database_has_exactly_the_tables_of_the_code(database_url: str | None, tmp_path: Path) -> None:
    async def differences() -> list[object]:
        engine = open_engine(settings_for(tmp_path, database_url))
        await asyncio.gather(migrate(engine), migrate(engine)) if database_url else await migrate(engine)
        async with engine.connect() as connection:
            found = await connection.run_sync(lambda c: compare_metadata(MigrationContext.configure(c), metadata))
        await engine.dispose()
        return list(found)

    assert asyncio.run(differences()) == []


def test_the_newest_file_is_alembics_head() -> None:
    assert ScriptDirectory.from_config(config()).get_current_head() == head_revision()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_older_database_keeps_what_is_in_it(kind: str, tmp_path: Path) -> None:
    """Go back to the first tables, keep a variable there, and come up again; in a database that no server has open."""
    with postgres_database() if kind == "postgresql" else contextlib.nullcontext() as url:
        assert asyncio.run(_there_and_back(settings_for(tmp_path, url))) == [("OLD", "kept", False)]


async def _there_and_back(settings: Settings) -> list[tuple[str, str, bool]]:
    def move(connection: Connection, revision: str) -> None:
        made = config()
        made.attributes["connection"] = connection
        (command.downgrade if revision == "0001" else command.upgrade)(made, revision)

    engine = open_engine(settings)
    await migrate(engine)
    owner, now = uuid.uuid4(), datetime.now(UTC)
    async with engine.begin() as connection:
        await connection.run_sync(move, "0001")
        user = {"id": owner, "username": str(owner), "password": "-", "is_active": True, "is_superuser": False}
        await connection.execute(insert(users), {**user, "create_at": now, "updated_at": now})
        old = {"id": uuid.uuid4(), "user_id": owner, "name": "OLD", "type": "Generic", "value": "kept"}
        columns = [variables.c[n] for n in (*old, "created_at", "updated_at")]
        as_it_was = table(variables.name, *(column(c.name, c.type) for c in columns))
        await connection.execute(insert(as_it_was), {**old, "created_at": now, "updated_at": now})
        await connection.run_sync(move, "head")
    async with engine.connect() as connection:
        found = await connection.execute(select(variables).where(variables.c.user_id == owner))
        rows = [(row.name, row.value, row.from_environment) for row in found]
    await engine.dispose()
    return rows
