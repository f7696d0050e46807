"""Migrations and tables say the same."""

from __future__ import annotations

import asyncio
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from headrace.store.engine import open_engine
from headrace.store.migrate import config, head_revision, migrate
from headrace.store.tables import metadata
from tests.conftest import settings_for


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
