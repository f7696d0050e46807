"""The database engine: one for SQLite, one for PostgreSQL, the same to all above."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import event, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from headrace.settings import Settings

log = logging.getLogger(__name__)


class DatabaseUnavailableError(HeadraceError):
    """The database cannot be reached."""

    def __init__(self) -> None:
        super().__init__("The database does not answer. Nothing was kept of this request; try again in a moment.")


class connecting:
    """A connection of `engine`, or a transaction where `writing`, within `async with`.

    Raises:
        DatabaseUnavailableError: the database cannot be reached, whatever its driver calls that.

    """

    def __init__(self, engine: AsyncEngine, *, writing: bool = False) -> None:
        self._opening = engine.begin() if writing else engine.connect()

    async def __aenter__(self) -> AsyncConnection:
        """Connect."""
        try:
            return await self._opening.__aenter__()
        except Exception as error:
            log.error("the database cannot be reached: %s", type(error).__name__)
            raise DatabaseUnavailableError from error

    async def __aexit__(self, *raised: Any) -> None:
        """Commit or roll back, and let the connection go."""
        await self._opening.__aexit__(*raised)


#: WAL lets readers go on while one writes; a committed transaction survives the process's death.
SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "busy_timeout=30000",
    "foreign_keys=ON",
    "temp_store=MEMORY",
)


def open_engine(settings: Settings) -> AsyncEngine:
    """Return an engine on the configured database; it connects on first use."""
    url = make_url(settings.database_address)
    options: dict[str, Any] = {"json_serializer": lambda v: orjson.dumps(v).decode(), "json_deserializer": orjson.loads}
    if url.get_backend_name() != "sqlite":
        return create_async_engine(
            url,
            pool_size=settings.pool_size,
            max_overflow=settings.max_overflow,
            pool_pre_ping=True,
            pool_timeout=settings.db_connect_timeout,
            **options,
        )
    if url.database:
        Path(url.database).expanduser().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_async_engine(url, **options)
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    return engine


def _set_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
