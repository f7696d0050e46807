"""The database of one process: an engine for reading, a writer, and the feed of changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, TypeVar

from headrace.db.change_listener import PostgresChangeListener
from headrace.db.changes import ChangeFeed
from headrace.db.engine import (
    SQLITE_PRAGMAS,
    open_connection,
    open_engine,
    open_postgres_writer_engine,
    open_sqlite_writer_engine,
)
from headrace.db.migrate import migrate
from headrace.db.open_errors import explained_errors
from headrace.db.postgres_rows import PostgresRowInserter
from headrace.db.sqlite_rows import SqliteRowInserter
from headrace.db.writer import GroupCommitWriter, RowInserter

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.limits.account import Account
    from headrace.settings import Settings

T = TypeVar("T")

#: How often a process with a SQLite database checks whether another process has committed, in seconds.
SQLITE_CHECK_INTERVAL_SECONDS = 0.5


class Database:
    """Reads run side by side; writes go through the group-commit writer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        with explained_errors(settings):
            self.engine = open_engine(settings)
        self.changes = ChangeFeed()
        #: Whether this process is the only server that writes to the database.
        self.is_exclusive = self.engine.dialect.name == "sqlite" and settings.server.workers == 1
        self._listener: PostgresChangeListener | None = None
        self._polling: asyncio.Task[None] | None = None
        inserter: RowInserter
        if self.engine.dialect.name == "sqlite":
            inserter = SqliteRowInserter(self.engine.url.database or "", self.engine.dialect, SQLITE_PRAGMAS)
            self.writer_engine = open_sqlite_writer_engine(settings, inserter.connect)
            self.changes.detect_with(inserter.detect_external_commit, SQLITE_CHECK_INTERVAL_SECONDS)
        else:
            self.writer_engine = open_postgres_writer_engine(settings)
            inserter = PostgresRowInserter(self.writer_engine)
            self._listener = PostgresChangeListener(self.writer_engine, self.changes)
        self.writer = GroupCommitWriter(
            self.writer_engine,
            inserter,
            self.changes,
            settings.database.write_timeout_seconds,
            shares_lock=self.engine.dialect.name == "sqlite" and not self.is_exclusive,
        )

    async def open(self) -> None:
        """Bring the tables up to date and start to accept writes.

        Raises:
            DatabaseOpenError: The database cannot be opened; the message names the cause.
            UnknownRevisionError: The tables belong to a newer version or to another program.

        """
        try:
            with explained_errors(self._settings):
                await migrate(self.engine)
                async with self.writer_engine.connect():
                    # Opens the connection that the inserter of SQLite shares.
                    pass
        except BaseException:
            await self.writer_engine.dispose()
            await self.engine.dispose()
            raise
        self.writer.start()
        if self._listener is not None:
            self._listener.start()
        elif not self.is_exclusive:
            self._polling = asyncio.create_task(self.changes.poll(), name="change-poll")

    async def close(self) -> None:
        """Commit the queued writes and close the connections."""
        if self._listener is not None:
            await self._listener.stop()
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
        await self.writer.stop()
        await self.writer_engine.dispose()
        await self.engine.dispose()

    def connect(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Return a connection for reading; raises DatabaseUnavailableError if the database does not answer."""
        return open_connection(self.engine)

    async def write(self, apply: Callable[[AsyncConnection], Awaitable[T]], account: Account | None = None) -> T:
        """Run `apply` in a transaction shared with other writes and return its result after the commit.

        Args:
            apply: writes with the connection that it gets.
            account: the account that writes; by default that of the current task.

        """
        return await self.writer.write(apply, account)
