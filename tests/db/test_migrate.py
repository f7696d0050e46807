"""Migrations produce the tables of the code and keep existing rows."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, column, insert, select, table

from headrace.db.engine import open_engine
from headrace.db.migrate import config, create_tables, head_revision, migrate, upgrade_tables
from headrace.db.tables import approvals, metadata, users, variables
from headrace.settings import Settings
from tests.conftest import settings_for
from tests.support.databases import postgres_database


def test_a_migrated_database_has_exactly_the_tables_of_the_code(database_url: str | None, tmp_path: Path) -> None:
    async def differences() -> list[object]:
        engine = open_engine(settings_for(tmp_path, database_url))
        await asyncio.gather(migrate(engine), migrate(engine)) if database_url else await migrate(engine)
        async with engine.connect() as connection:
            found = await connection.run_sync(lambda c: compare_metadata(MigrationContext.configure(c), metadata))
        await engine.dispose()
        return list(found)

    assert asyncio.run(differences()) == []


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("create", [create_tables, upgrade_tables])
def test_created_and_upgraded_tables_are_those_of_the_code(
    kind: str, create: Callable[[Connection], None], tmp_path: Path
) -> None:
    async def find_differences(settings: Settings) -> list[object]:
        engine = open_engine(settings)
        async with engine.begin() as connection:
            await connection.run_sync(create)
        async with engine.connect() as connection:
            differences = await connection.run_sync(lambda c: compare_metadata(MigrationContext.configure(c), metadata))
        await engine.dispose()
        return list(differences)

    with postgres_database() if kind == "postgresql" else contextlib.nullcontext() as url:
        assert asyncio.run(find_differences(settings_for(tmp_path, url))) == []


def test_the_newest_migration_is_alembics_head() -> None:
    assert ScriptDirectory.from_config(config()).get_current_head() == head_revision()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_migrated_older_database_keeps_its_rows(kind: str, tmp_path: Path) -> None:
    """Downgrade an unused database to the first revision, insert a variable, and upgrade it again."""
    with postgres_database() if kind == "postgresql" else contextlib.nullcontext() as url:
        assert asyncio.run(_downgrade_and_upgrade(settings_for(tmp_path, url))) == [("OLD", "stored", False)]


def _migrate_to(connection: Connection, revision: str) -> None:
    """Downgrade the newest tables to a revision, or upgrade to `head`."""
    alembic_config = config()
    alembic_config.attributes["connection"] = connection
    (command.upgrade if revision == "head" else command.downgrade)(alembic_config, revision)


async def _downgrade_and_upgrade(settings: Settings) -> list[tuple[str, str, bool]]:
    engine = open_engine(settings)
    await migrate(engine)
    owner, now = uuid.uuid4(), datetime.now(UTC)
    async with engine.begin() as connection:
        await connection.run_sync(_migrate_to, "0001")
        user = {"id": owner, "username": str(owner), "password": "-", "is_active": True, "is_superuser": False}
        await connection.execute(insert(users), {**user, "create_at": now, "updated_at": now})
        old = {"id": uuid.uuid4(), "user_id": owner, "name": "OLD", "type": "Generic", "value": "stored"}
        columns = [variables.c[n] for n in (*old, "created_at", "updated_at")]
        old_table = table(variables.name, *(column(c.name, c.type) for c in columns))
        await connection.execute(insert(old_table), {**old, "created_at": now, "updated_at": now})
        await connection.run_sync(_migrate_to, "head")
    async with engine.connect() as connection:
        found = await connection.execute(select(variables).where(variables.c.user_id == owner))
        rows = [(row.name, row.value, row.from_environment) for row in found]
    await engine.dispose()
    return rows


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_approvals_of_earlier_versions_stay_valid_and_users_get_an_epoch(kind: str, tmp_path: Path) -> None:
    with postgres_database() if kind == "postgresql" else contextlib.nullcontext() as url:
        assert asyncio.run(_upgrade_from_0005(settings_for(tmp_path, url))) == [("a" * 64, "saved", 0)]


async def _upgrade_from_0005(settings: Settings) -> list[tuple[str, str, int]]:
    engine = open_engine(settings)
    await migrate(engine)
    owner, now = uuid.uuid4(), datetime.now(UTC)
    async with engine.begin() as connection:
        await connection.run_sync(_migrate_to, "0005")
        user = {"id": owner, "username": str(owner), "password": "-", "is_active": True, "is_superuser": False}
        await connection.execute(insert(users), {**user, "create_at": now, "updated_at": now})
        old_table = table(approvals.name, *(column(c.name, c.type) for c in approvals.c if c.name != "method"))
        approval = {"digest": "a" * 64, "user_id": owner, "name": "Shout", "approved_at": now}
        await connection.execute(insert(old_table), approval)
        await connection.run_sync(_migrate_to, "head")
    async with engine.connect() as connection:
        query = select(approvals.c.digest, approvals.c.method, users.c.token_epoch).join(users)
        rows = [(row.digest, row.method, row.token_epoch) for row in await connection.execute(query)]
    await engine.dispose()
    return rows
