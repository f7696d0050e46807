"""Inserts batches of rows through one `sqlite3` connection.

A small batch is inserted on the event loop. A commit in WAL mode with `synchronous=NORMAL` appends to a file in the page
cache and waits for no disk, which takes about 50 microseconds; handing it to a thread and back takes several times that.
Operations that could wait use the thread: a batch while another process holds the write lock (`busy_timeout=0`), and a
batch with a checkpoint, after every `CHECKPOINT_INTERVAL_ROWS` rows (`wal_autocheckpoint=0`).
Large batches use the thread, too. Source: https://www.sqlite.org/wal.html, sections 2.2 and 2.3.

The event loop never touches the connection while a thread uses it: SQLite would make it wait for the end of the statement.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import TYPE_CHECKING, Any

import aiosqlite

from headrace.db.row_encoder import Row, RowEncoder

if TYPE_CHECKING:
    from sqlalchemy import Dialect, Table

#: Rows of one INSERT statement. Each statement costs a release of the GIL, so a batch takes few of them.
MAX_ROWS_PER_STATEMENT = 32
#: Limits of a batch that is inserted on the event loop.
MAX_INLINE_ROWS = 64
MAX_INLINE_BYTES = 64 * 1024
#: Rows that are inserted on the event loop between two checkpoints. A row of a message takes about one page.
CHECKPOINT_INTERVAL_ROWS = 1000

#: Settings of the connection on the event loop, where it may not wait, and in a thread.
_INLINE_PRAGMAS = ("busy_timeout=0", "wal_autocheckpoint=0")
_THREAD_PRAGMAS = ("busy_timeout=30000", "wal_autocheckpoint=1000")

_Statements = list[tuple[str, list[Any]]]


class SqliteRowInserter:
    """Owns the connection that the process writes on; the writer's SQLAlchemy engine shares it, never at the same time."""

    def __init__(self, path: str, dialect: Dialect, pragmas: Sequence[str]) -> None:
        self._path = path
        self._dialect = dialect
        self._pragmas = pragmas
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database-writer")
        self._encoders: dict[Table, RowEncoder] = {}
        self._data_version: int | None = None
        #: Sees the commits of all connections, also while a thread uses the connection for writing.
        self._watch: sqlite3.Connection | None = None
        #: The last data version of the watch while a thread uses the connection for writing, otherwise None.
        self._watched_version: int | None = None
        self._is_inline = False
        self._rows_since_checkpoint = 0

    def connect(self, *_args: Any, **_options: Any) -> aiosqlite.Connection:
        """Return a new aiosqlite connection on the writer's `sqlite3` connection, for SQLAlchemy."""
        connection = aiosqlite.Connection(self._open, iter_chunk_size=64)
        # As SQLAlchemy does for connections that it opens: an unclosed database must not keep the process alive.
        connection._thread.daemon = True  # noqa: SLF001  # aiosqlite has no option for it
        return connection

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, check_same_thread=False)
        for pragma in self._pragmas:
            connection.execute(f"PRAGMA {pragma}")
        if self._watch is None:
            self._watch = sqlite3.connect(self._path, check_same_thread=False)
        self._connection = connection
        self._data_version = None
        self._is_inline = False
        return connection

    async def insert(self, rows: Sequence[tuple[Table, Row]]) -> None:
        """Insert rows in one transaction and return once it is committed.

        Raises:
            Exception: an error of the driver or of an encoder; nothing was stored.

        """
        if len(rows) <= MAX_INLINE_ROWS and self._rows_since_checkpoint < CHECKPOINT_INTERVAL_ROWS:
            statements = self._prepare(rows, MAX_INLINE_BYTES)
            if statements is not None and self._insert_inline(statements):
                self._rows_since_checkpoint += len(rows)
                return
        async with self.lend():
            await asyncio.get_running_loop().run_in_executor(self._thread, self._insert, rows)
        self._rows_since_checkpoint = 0

    @contextlib.asynccontextmanager
    async def lend(self) -> AsyncIterator[None]:
        """Let a thread, or SQLAlchemy, use the connection inside the block, where it may wait for locks and disks."""
        if self._is_inline:
            self._set_pragmas(_THREAD_PRAGMAS)
            self._is_inline = False
        self._watched_version = _data_version(self._watch)
        try:
            yield
        finally:
            self._watched_version = None

    def interrupt(self) -> None:
        """Stop the statement that runs on the connection in a thread, if it is open."""
        with contextlib.suppress(sqlite3.ProgrammingError):
            self._connected().interrupt()

    def _insert_inline(self, statements: _Statements) -> bool:
        """Insert rows without waiting; return False if another connection holds the write lock."""
        connection = self._connected()
        if not self._is_inline:
            self._set_pragmas(_INLINE_PRAGMAS)
            self._is_inline = True
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                return False
            raise
        _execute_and_commit(connection, statements)
        return True

    def _insert(self, rows: Sequence[tuple[Table, Row]]) -> None:
        connection = self._connected()
        statements = self._prepare(rows, sys.maxsize) or []
        connection.execute("BEGIN IMMEDIATE")
        _execute_and_commit(connection, statements)
        if self._rows_since_checkpoint >= CHECKPOINT_INTERVAL_ROWS:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _set_pragmas(self, pragmas: Sequence[str]) -> None:
        for pragma in pragmas:
            self._connected().execute(f"PRAGMA {pragma}").fetchall()

    def _prepare(self, rows: Sequence[tuple[Table, Row]], max_bytes: int) -> _Statements | None:
        """Return the statements for rows, or None if their parameters exceed a size."""
        statements: _Statements = []
        left = max_bytes
        for table, group in groupby(rows, key=lambda item: item[0]):
            encoder = self._encoder(table)
            encoded: list[list[Any]] = []
            for _, row in group:
                values = encoder.encode(row)
                left -= _size_bytes(values)
                if left < 0:
                    return None
                encoded.append(values)
            statements += _statements(encoder, encoded)
        return statements

    def _encoder(self, table: Table) -> RowEncoder:
        encoder = self._encoders.get(table)
        if encoder is None:
            encoder = self._encoders[table] = RowEncoder(table, self._dialect)
        return encoder

    async def detect_external_commit(self) -> bool:
        """Return whether another connection has, or may have, committed since the last call.

        Reads the shared memory of the WAL, and waits for nothing. The data version of a connection changes with the commits of
        all others. Source: https://www.sqlite.org/pragma.html#pragma_data_version.
        """
        if self._watched_version is not None:
            # The commit of the thread itself may be the one that is noticed.
            before, self._watched_version = self._watched_version, _data_version(self._watch)
            return self._watched_version != before
        try:
            last, self._data_version = self._data_version, _data_version(self._connection)
        except sqlite3.ProgrammingError:
            # SQLAlchemy closes the connection after an interrupted write. The next write opens another one.
            self._data_version = None
            return True
        return self._data_version != last

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError("The connection for writing is not open.")
        return self._connection

    async def close(self) -> None:
        """Stop the thread. The SQLAlchemy engine closes the connection."""
        self._thread.shutdown(wait=False)
        self._connection = None
        if self._watch is not None:
            self._watch.close()


def _data_version(connection: sqlite3.Connection | None) -> int:
    return 0 if connection is None else int(connection.execute("PRAGMA data_version").fetchone()[0])


def _execute_and_commit(connection: sqlite3.Connection, statements: _Statements) -> None:
    try:
        for sql, parameters in statements:
            connection.execute(sql, parameters)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(encoder: RowEncoder, rows: list[list[Any]]) -> _Statements:
    statements: _Statements = []
    start = 0
    while start < len(rows):
        # Powers of two keep the number of distinct statements small, so that sqlite3's statement cache holds them.
        size = min(MAX_ROWS_PER_STATEMENT, 1 << ((len(rows) - start).bit_length() - 1))
        places = "(" + ", ".join("?" * encoder.width) + ")"
        sql = f"INSERT INTO {encoder.table_name} ({encoder.columns}) VALUES {', '.join([places] * size)}"  # noqa: S608  # names of our tables
        statements.append((sql, [value for values in rows[start : start + size] for value in values]))
        start += size
    return statements


def _size_bytes(parameters: Sequence[Any]) -> int:
    """Return the approximate size of parameters: four bytes per character at most."""
    return sum(len(value) for value in parameters if isinstance(value, str | bytes))
