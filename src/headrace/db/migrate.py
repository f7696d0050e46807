"""Upgrades a database to the tables of this version."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, MetaData, String, Table, inspect, select, text

from headrace.db.tables import metadata
from headrace.errors import ConflictError

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine

#: The key of the PostgreSQL advisory lock: one server migrates while the others wait.
_LOCK = 7_205_759_403

_MIGRATIONS = Path(__file__).parent / "migrations"

#: Alembic's record of the revision, with the column that Alembic creates.
_VERSION_TABLE = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


class UnknownRevisionError(ConflictError):
    """The tables have a revision that this version has no migration for."""

    def __init__(self, revision: str) -> None:
        if revision.isdigit():
            owner = (
                "a newer version of headrace. Install that version, or restore the backup made before its installation."
            )
        else:
            owner = "another program, such as Langflow. Set LANGFLOW_DATABASE_URL to a database of headrace's own."
        super().__init__(f"The tables of the database have revision {revision!r} and belong to {owner}")


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
    """Return the newest revision: the name of each migration file starts with its revision."""
    return max(_revisions())


def _revisions() -> list[str]:
    return [path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")]


def config() -> Config:
    """Return Alembic's configuration. Alembic is slow to import, so it is imported only for a database with old tables."""
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(_MIGRATIONS))
    return configuration


def _upgrade(connection: Connection) -> None:
    inspector = inspect(connection)
    if inspector.has_table(_VERSION_TABLE.name):
        current = connection.execute(select(_VERSION_TABLE.c.version_num)).scalar_one_or_none()
        if current == head_revision():
            return
        if current is not None and current not in _revisions():
            raise UnknownRevisionError(current)
    elif not inspector.get_table_names():
        create_tables(connection)
        return
    upgrade_tables(connection)


def create_tables(connection: Connection) -> None:
    """Create the newest tables in an empty database, without the half second that importing Alembic takes."""
    metadata.create_all(connection)
    _VERSION_TABLE.create(connection)
    connection.execute(_VERSION_TABLE.insert().values(version_num=head_revision()))


def upgrade_tables(connection: Connection) -> None:
    """Run the pending migrations."""
    from alembic import command

    configuration = config()
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")


def migrate_blocking(engine: AsyncEngine) -> None:
    """Upgrade the database from synchronous code."""

    async def run() -> None:
        try:
            await migrate(engine)
        finally:
            await engine.dispose()

    asyncio.run(run())
