"""Brings a database to this version's tables."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

if TYPE_CHECKING:
    from alembic.config import Config
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


def head_revision() -> str:
    """Return the newest revision: revisions are files whose names begin with their number."""
    return max(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def config() -> Config:
    """Return Alembic's configuration. Alembic takes long to import, so only a database that lags behind pays for it."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(_MIGRATIONS))
    return made


def _upgrade(connection: Connection) -> None:
    if inspect(connection).has_table("alembic_version"):
        current = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        if current == head_revision():
            return
    from alembic import command

    made = config()
    made.attributes["connection"] = connection
    command.upgrade(made, "head")


def migrate_blocking(engine: AsyncEngine) -> None:
    """Upgrade from a program that has no event loop."""
    asyncio.run(migrate(engine))
