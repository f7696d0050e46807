"""The group-commit writer: concurrent writes share a transaction, and each waits for its commit."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from headrace.db.changes import collect_published
from headrace.db.engine import DatabaseUnavailableError, open_connection
from headrace.db.side_effects import SideEffects
from headrace.db.write_queue import Write, WriteQueue
from headrace.errors import TimeLimitError, UnavailableError
from headrace.limits.account import Account, current_account

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from headrace.db.changes import ChangeFeed
    from headrace.db.row_encoder import Row

T = TypeVar("T")

log = logging.getLogger(__name__)

#: A transaction takes no more writes after this time if others wait, in seconds.
MAX_BATCH_SECONDS = 0.1
#: How long the lock of a shared SQLite file is left to other processes between slow transactions, at most, in seconds.
MAX_PAUSE_SECONDS = 0.25
#: Attempts at a write that found a name free which another process has just taken.
MAX_ATTEMPTS = 5
#: PostgreSQL's SQLSTATE for a value that a unique constraint forbids.
_UNIQUE_VIOLATION = "23505"


class WriterClosedError(UnavailableError):
    """A write was queued after the server started to stop."""

    def __init__(self) -> None:
        super().__init__("The server is stopping and does not accept writes. Try again in a moment.")


class WriteTimeoutError(TimeLimitError):
    """A write took too long, while other writes waited for it."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The change took longer than {seconds:g} s in the database and was undone. Change fewer objects at a time; an operator "
            "can raise HEADRACE_WRITE_TIMEOUT_SECONDS."
        )


class RowInserter(Protocol):
    """Inserts rows through the driver, without SQLAlchemy."""

    async def insert(self, rows: Sequence[tuple[Table, Row]]) -> None:
        """Insert rows in one transaction and return once it is committed."""

    def interrupt(self) -> None:
        """Stop the statement that runs on the connection, if SQLAlchemy shares it."""

    def lend(self) -> AbstractAsyncContextManager[None]:
        """Let SQLAlchemy use the connection inside the block, if they share it."""

    async def close(self) -> None:
        """Release the connection."""


class GroupCommitWriter:
    """Serialises all writes of a process. Those of an account are committed in order.

    The writes that wait at the same time are one transaction. If one of them fails, the transaction is rolled back and
    each write is tried in its own transaction, so that only the failing one fails. A batch that consists of rows
    goes through the driver; a batch with callbacks goes through SQLAlchemy.

    Accounts take turns. A write cannot be interrupted by another one, so an account whose last write was slow has transactions
    of its own, and between two slow writes the waiting writes of all other accounts are committed.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        inserter: RowInserter,
        changes: ChangeFeed,
        write_timeout_seconds: float,
        *,
        shares_lock: bool = False,
    ) -> None:
        """Create a writer; `start` starts it.

        Args:
            engine: connections for callbacks.
            inserter: inserts batches that consist of rows.
            changes: receives the changes that callbacks publish, after their commit.
            write_timeout_seconds: the time limit of a callback.
            shares_lock: whether other processes wait for the lock of the same SQLite file, in no order.

        """
        self._engine = engine
        self._inserter = inserter
        self._changes = changes
        self._timeout_seconds = write_timeout_seconds
        self._shares_lock = shares_lock
        self._queue = WriteQueue()
        self._has_writes = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        """The number of changes that wait."""
        return len(self._queue)

    def start(self) -> None:
        """Start to process writes on the running event loop."""
        self._task = asyncio.create_task(self._work(), name="database-writer")

    async def stop(self) -> None:
        """Commit the queued writes, and accept no more."""
        self._closed = True
        await self._is_idle.wait()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._inserter.close()

    async def write(self, apply: Callable[[AsyncConnection], Awaitable[T]], account: Account | None = None) -> T:
        """Run `apply` in a transaction and return its result after the commit.

        `apply` is called again, in its own transaction, if another write of its batch failed, or if another process has stored a
        row with the same unique value at the same time.

        Args:
            apply: writes with the connection that it gets.
            account: the account that writes; by default that of the current task.

        Raises:
            WriterClosedError: the server is stopping.
            WriteTimeoutError: `apply` took too long.
            Exception: the error of `apply` or of the commit; nothing was stored.

        """
        return await self._enqueue(Write(self._new_future(), account or current_account.get(), apply))

    def insert(self, table: Table, row: Row, account: Account | None = None) -> asyncio.Future[None]:
        """Queue a row and return a future that is done after the commit.

        Raises:
            WriterClosedError: the server is stopping.

        """
        return self.insert_rows([(table, row)], account)

    def insert_rows(self, rows: Sequence[tuple[Table, Row]], account: Account | None = None) -> asyncio.Future[None]:
        """Queue rows that are stored together or not at all; the future is done after the commit.

        Args:
            rows: the rows with their tables.
            account: the account that writes; by default that of the current task.

        Raises:
            WriterClosedError: the server is stopping.

        """
        return self._enqueue(Write(self._new_future(), account or current_account.get(), rows=rows))

    def _new_future(self) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()

    def _enqueue(self, write: Write[T]) -> asyncio.Future[T]:
        if self._closed:
            raise WriterClosedError
        self._queue.push(write)
        self._has_writes.set()
        self._is_idle.clear()
        return write.done

    async def _work(self) -> None:
        while True:
            await self._has_writes.wait()
            batch = self._queue.next_batch()
            started = time.perf_counter()
            if not await self._insert_batch(batch):
                await self._commit(batch)
            if self._shares_lock and self._queue.waits_only_for_slow_accounts():
                await asyncio.sleep(min(time.perf_counter() - started, MAX_PAUSE_SECONDS))
            if not len(self._queue):
                self._has_writes.clear()
                self._is_idle.set()

    async def _insert_batch(self, batch: list[Write[Any]]) -> bool:
        """Insert a batch of rows through the driver; return False if SQLAlchemy has to store it."""
        if any(write.apply is not None for write in batch):
            return False
        rows = [item for write in batch for item in write.rows]
        started = time.perf_counter()
        try:
            await self._inserter.insert(rows)
        except Exception as error:
            # SQLAlchemy repeats it write by write, and raises the errors that callers know.
            log.debug("A batch of %d rows failed: %s", len(rows), type(error).__name__)
            return False
        seconds = time.perf_counter() - started
        self._queue.record_batch_duration(batch, seconds)
        for write in batch:
            if not write.done.done():
                write.done.set_result(None)
        return True

    async def _commit(self, batch: list[Write[Any]]) -> None:
        try:
            results = await self._apply_batch_with_retries(batch)
        except Exception as error:
            if len(batch) == 1 or isinstance(error, DatabaseUnavailableError):
                for write in batch:
                    _fail(write, error)
                return
            await self._commit_alone(batch)
            return
        for write, result in zip(batch, results, strict=False):
            if not write.done.done():
                write.done.set_result(result)
        for write in reversed(batch[len(results) :]):
            self._queue.push_front(write)

    async def _commit_alone(self, batch: list[Write[Any]]) -> None:
        """Commit each write of a failed batch in its own transaction, as many as its time allows if others wait."""
        deadline = time.perf_counter() + self._max_seconds(batch)
        remaining = deque(write for write in batch if not write.timed_out)
        while remaining:
            await self._commit([remaining.popleft()])
            if len(self._queue) and time.perf_counter() > deadline:
                break
        while remaining:
            write = remaining.pop()
            # The failing write must not undo the others again.
            write.is_alone = True
            self._queue.push_front(write)

    def _max_seconds(self, batch: list[Write[Any]]) -> float:
        """Return how long a batch may take if others wait, in seconds."""
        return 0.0 if self._queue.is_slow(batch[0].account) else MAX_BATCH_SECONDS

    async def _apply_batch_with_retries(self, batch: list[Write[Any]]) -> list[Any]:
        """Commit writes; see `_apply_batch`. A write that collided with another process is repeated: it sees the other's rows then."""
        for _ in range(MAX_ATTEMPTS - 1):
            try:
                return await self._apply_batch(batch)
            except IntegrityError as error:
                if len(batch) > 1 or getattr(error.orig, "sqlstate", None) != _UNIQUE_VIOLATION:
                    raise
        return await self._apply_batch(batch)

    async def _apply_batch(self, batch: list[Write[Any]]) -> list[Any]:
        """Commit the writes from the start of a batch, as many as its time allows if others wait, and return their results."""
        effects = SideEffects()
        # An error before the commit undoes them while the transaction holds its locks; one of the commit, afterwards.
        async with (
            self._inserter.lend(),
            effects.undo_on_failure(),
            open_connection(self._engine, writing=True) as connection,
        ):
            published = collect_published(connection)
            effects.attach(connection)
            async with effects.undo_on_failure():
                results = await self._apply_in_time(connection, batch)
        await effects.finish()
        self._changes.deliver(published)
        return results

    async def _apply_in_time(self, connection: AsyncConnection, batch: list[Write[Any]]) -> list[Any]:
        max_seconds = self._max_seconds(batch)
        results: list[Any] = []
        first_started = started = time.perf_counter()
        for write in batch:
            try:
                results.append(await self._apply(connection, write))
            finally:
                # A write that fails, or exceeds its time limit, occupies the writer as well.
                ended = time.perf_counter()
                self._queue.record_duration(write.account, ended - started)
            if ended - first_started > max_seconds and len(self._queue):
                break
            started = ended
        return results

    async def _apply(self, connection: AsyncConnection, write: Write[T]) -> T | None:
        if write.apply is None:
            await _insert(connection, write.rows)
            return None
        # Before the cancellation, which waits for the end of the statement that runs on SQLite's connection.
        interruption = asyncio.get_running_loop().call_later(self._timeout_seconds, self._inserter.interrupt)
        try:
            async with asyncio.timeout(self._timeout_seconds) as limit:
                return await write.apply(connection)
        except TimeoutError as error:
            if not limit.expired():
                raise
            write.timed_out = True
            _fail(write, timeout := WriteTimeoutError(self._timeout_seconds))
            raise timeout from error
        finally:
            interruption.cancel()


async def _insert(connection: AsyncConnection, rows: Sequence[tuple[Table, Row]]) -> None:
    for table, group in groupby(rows, key=lambda item: item[0]):
        await connection.execute(insert(table), [dict(row) for _, row in group])


def _fail(write: Write[Any], error: Exception) -> None:
    if not write.done.done():
        write.done.set_exception(error)
        # Retrieves the error if the caller was cancelled, so that asyncio does not report it.
        write.done.add_done_callback(lambda future: future.exception())
