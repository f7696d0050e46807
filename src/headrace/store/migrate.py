"""Brings a database to this version's tables."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine

#: One key for all servers: whoever holds this PostgreSQL lock migrates, the others wait.
_LOCK = 7_205_759_403

_MIGRATIONS = Path(__file__).parent / "migrations"


async def migrate(engine: AsyncEngine) -> None:
    """Upgrade the database to the newest revision; safe to call from several servers at once."""
    async with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            await connection.commit()
        try:
            await connection.run_sync(_upgrade)
            await connection.commit()
        finally:
            if engine.dialect.name == "postgresql":
                await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
                await connection.commit()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def _upgrade(connection: Connection) -> None:
    config = _config()
    if (
        MigrationContext.configure(connection).get_current_revision()
        == ScriptDirectory.from_config(config).get_current_head()
    ):
        return
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def migrate_blocking(engine: AsyncEngine) -> None:
    """Upgrade from a program that has no event loop."""
    asyncio.run(migrate(engine))
