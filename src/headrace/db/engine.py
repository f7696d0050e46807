"""Database engines for SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import URL, QueuePool, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from headrace.db.error_values import hide_values_in_context
from headrace.db.private_files import create_private_database, protect_folder
from headrace.errors import UnavailableError

if TYPE_CHECKING:
    from headrace.settings import Settings

log = logging.getLogger(__name__)


class DatabaseUnavailableError(UnavailableError):
    """The database cannot be reached."""

    def __init__(self) -> None:
        super().__init__("The database does not answer. This request stored nothing; try again in a moment.")


#: The SQLSTATE of PostgreSQL's `too_many_connections` (PostgreSQL documentation, appendix A).
TOO_MANY_CONNECTIONS = "53300"
#: How long to wait before another attempt if PostgreSQL has no free connection, in seconds.
RETRY_INTERVAL_SECONDS = 0.1


class open_connection:
    """Open a connection of `engine`, or a transaction if `writing`, in `async with`.

    If PostgreSQL has no free connection, wait for one, like a caller who finds all connections of the pool in use.

    Raises:
        DatabaseUnavailableError: the database cannot be reached, whatever error the driver raises.

    """

    def __init__(self, engine: AsyncEngine, *, writing: bool = False) -> None:
        self._engine = engine
        self._writing = writing
        self._opening = self._open()

    def _open(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return self._engine.begin() if self._writing else self._engine.connect()

    async def __aenter__(self) -> AsyncConnection:
        """Connect."""
        deadline: float | None = None
        while True:
            try:
                return await self._opening.__aenter__()
            except Exception as error:
                if deadline is None:
                    deadline = time.monotonic() + _pool_timeout(self._engine)
                if not _has_too_many_connections(error) or time.monotonic() >= deadline:
                    log.error("The database cannot be reached: %s", type(error).__name__)
                    raise DatabaseUnavailableError from error
            await asyncio.sleep(RETRY_INTERVAL_SECONDS)
            self._opening = self._open()

    async def __aexit__(self, *raised: Any) -> None:
        """Commit or roll back, and release the connection."""
        await self._opening.__aexit__(*raised)


def _has_too_many_connections(error: Exception) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", None) == TOO_MANY_CONNECTIONS


def _pool_timeout(engine: AsyncEngine) -> float:
    """Return how long callers wait for a connection of the pool, in seconds."""
    return engine.pool.timeout() if isinstance(engine.pool, QueuePool) else 0.0


#: WAL lets readers continue during a write; a committed transaction survives a killed process.
SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "busy_timeout=30000",
    "foreign_keys=ON",
    "temp_store=MEMORY",
)


#: The maximum number of idle read connections to a SQLite database. Each uses a thread.
SQLITE_READERS = 8


def open_engine(settings: Settings) -> AsyncEngine:
    """Return an engine on the configured database; it connects on first use."""
    protect_folder(settings.storage.config_folder)
    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite":
        return _create_engine(
            url,
            pool_size=settings.database.pool_size,
            max_overflow=settings.database.max_overflow,
            pool_pre_ping=True,
            pool_timeout=settings.database.connect_timeout_seconds,
        )
    if url.database:
        create_private_database(Path(url.database))
    engine = _create_engine(url, pool_size=SQLITE_READERS, pool_timeout=settings.database.connect_timeout_seconds)
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    return engine


def open_postgres_writer_engine(settings: Settings) -> AsyncEngine:
    """Return an engine of a few connections: for rows, for callbacks, and for change notifications."""
    return _create_engine(
        make_url(settings.database_url),
        pool_size=3,
        pool_pre_ping=True,
        pool_timeout=settings.database.connect_timeout_seconds,
    )


def open_sqlite_writer_engine(settings: Settings, connect: Callable[..., Any]) -> AsyncEngine:
    """Return an engine of one connection, which `connect` opens."""
    return _create_engine(make_url(settings.database_url), pool_size=1, max_overflow=0, async_creator_fn=connect)


def _create_engine(url: URL, *, async_creator_fn: Callable[..., Any] | None = None, **options: Any) -> AsyncEngine:
    connect_args = {} if async_creator_fn is None else {"async_creator_fn": async_creator_fn}
    engine = create_async_engine(
        url,
        hide_parameters=True,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args=connect_args,
        **options,
    )
    event.listen(engine.sync_engine, "handle_error", hide_values_in_context)
    return engine


def _set_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
