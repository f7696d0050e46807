"""The store of one process: its engine for reading and its writer for writing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, TypeVar

from headrace.store.engine import connecting, open_engine
from headrace.store.migrate import migrate
from headrace.store.writer import Writer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.settings import Settings

T = TypeVar("T")


class Store:
    """Reads run side by side; writes go through the group-commit writer."""

    def __init__(self, settings: Settings) -> None:
        self.engine = open_engine(settings)
        self.writer = Writer(self.engine)
        #: Whether this process alone writes to the database, so that what it remembers stays true.
        self.sole_writer = self.engine.dialect.name == "sqlite" and settings.workers == 1

    async def open(self) -> None:
        """Bring the tables up to date and begin to take writes."""
        await migrate(self.engine)
        self.writer.start()

    async def close(self) -> None:
        """Commit what was accepted and let the database go."""
        await self.writer.stop()
        await self.engine.dispose()

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Return a connection to read on; raises DatabaseUnavailableError where there is none."""
        return connecting(self.engine)

    async def write(self, apply: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `apply` in a transaction shared with others and return once it is committed."""
        return await self.writer.write(apply)
