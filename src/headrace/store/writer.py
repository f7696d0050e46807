"""The group-commit writer: concurrent writes share a transaction, and each waits for its commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import insert

from headrace.errors import HeadraceError
from headrace.store.engine import DatabaseUnavailableError, connecting

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

T = TypeVar("T")

#: A transaction takes at most so many writes, so that a commit never gets slow.
MAX_BATCH = 500


class WriterClosedError(HeadraceError):
    """A write came after the server began to stop."""

    def __init__(self) -> None:
        super().__init__("The server is stopping and takes no more writes. Try again in a moment.")


@dataclass(slots=True)
class _Write(Generic[T]):
    apply: Callable[[AsyncConnection], Awaitable[T]]
    done: asyncio.Future[T]
    table: Table | None = None
    row: dict[str, Any] | None = None


class Writer:
    """Orders all writes of a process behind each other.

    A batch is one transaction. Where a write of it fails, the batch is rolled back and each write
    is tried in a transaction of its own, so that the one that fails, fails alone.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._queue: asyncio.Queue[_Write[Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def start(self) -> None:
        """Begin to take writes; call it on the running event loop."""
        self._task = asyncio.create_task(self._work(), name="store-writer")

    async def stop(self) -> None:
        """Commit what was accepted, then take no more."""
        self._closed = True
        await self._queue.join()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def write(self, apply: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `apply` inside a transaction and return its result once that is committed.

        `apply` may be called twice: again, alone, where a neighbour in its transaction failed.

        Raises:
            WriterClosedError: the server is stopping.
            Exception: what `apply` or the commit raised; then nothing of it is kept.

        """
        return await self._enqueue(_Write(apply, asyncio.get_running_loop().create_future()))

    def insert(self, table: Table, row: dict[str, Any]) -> asyncio.Future[None]:
        """Enqueue a row and return a future that is done once it is committed.

        Raises:
            WriterClosedError: the server is stopping.

        """

        async def apply(connection: AsyncConnection) -> None:
            await connection.execute(insert(table), row)

        return self._enqueue(_Write(apply, asyncio.get_running_loop().create_future(), table, row))

    def _enqueue(self, write: _Write[T]) -> asyncio.Future[T]:
        if self._closed:
            raise WriterClosedError
        self._queue.put_nowait(write)
        return write.done

    async def _work(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < MAX_BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                await self._commit(batch)
            finally:
                for _ in batch:
                    self._queue.task_done()

    async def _commit(self, batch: list[_Write[Any]]) -> None:
        try:
            results = await self._transact(batch)
        except Exception as error:
            if len(batch) == 1 or isinstance(error, DatabaseUnavailableError):
                for write in batch:
                    _fail(write, error)
                return
            for write in batch:
                await self._commit([write])
            return
        for write, result in zip(batch, results, strict=True):
            if not write.done.done():
                write.done.set_result(result)

    async def _transact(self, batch: list[_Write[Any]]) -> list[Any]:
        results: list[Any] = []
        async with connecting(self._engine, writing=True) as connection:
            for table, group in groupby(batch, key=lambda w: w.table):
                writes = list(group)
                if table is None:
                    results.extend([await write.apply(connection) for write in writes])
                else:
                    await connection.execute(insert(table), [write.row or {} for write in writes])
                    results.extend([None] * len(writes))
        return results


def _fail(write: _Write[Any], error: Exception) -> None:
    if not write.done.done():
        write.done.set_exception(error)
        # A caller that left before its write failed has nobody to tell.
        write.done.add_done_callback(lambda future: future.exception())
