"""Read many large rows in batches of limited size."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, func, select

if TYPE_CHECKING:
    from sqlalchemy import Column, RowMapping

    from headrace.db.database import Database

#: The size of a batch, in bytes as the database stores it; a larger row is a batch of its own.
MAX_BATCH_BYTES = 1_000_000
#: Rows of a batch. Small rows take more memory than their columns.
MAX_BATCH_ROWS = 250


@dataclass(frozen=True, slots=True)
class RowKey:
    """The id of a row, and the size of its columns without a fixed size."""

    id: UUID
    size: int


@dataclass(frozen=True, slots=True)
class RowBatches:
    """Rows of an owner, in the order of `keys`. Rows that are deleted meanwhile are left out."""

    database: Database
    owner: UUID
    #: The primary key of the table.
    id_column: Column[UUID]
    keys: Sequence[RowKey]
    #: What to read of each row, with the id; by default all columns.
    columns: Sequence[ColumnElement[Any]] = ()

    async def read(self) -> AsyncIterator[list[RowMapping]]:
        """Yield batches of rows. No connection is open while the caller handles a batch."""
        table = self.id_column.table
        for ids in split_keys(self.keys):
            query = select(*(self.columns or table.c)).where(table.c.user_id == self.owner, self.id_column.in_(ids))
            async with self.database.connect() as connection:
                found = {row[self.id_column.name]: row for row in (await connection.execute(query)).mappings()}
            yield [found[row_id] for row_id in ids if row_id in found]

    @property
    def is_small(self) -> bool:
        """Return whether all rows are one batch."""
        return len(self.keys) <= MAX_BATCH_ROWS and sum(key.size for key in self.keys) <= MAX_BATCH_BYTES


def split_keys(keys: Sequence[RowKey]) -> Iterator[list[UUID]]:
    """Yield the ids of batches."""
    batch: list[UUID] = []
    size = 0
    for key in keys:
        if batch and (size + key.size > MAX_BATCH_BYTES or len(batch) == MAX_BATCH_ROWS):
            yield batch
            batch, size = [], 0
        batch.append(key.id)
        size += key.size
    if batch:
        yield batch


def size_of(*columns: Column[Any]) -> ColumnElement[int]:
    """Return the expression for the length of texts and JSON values."""
    size: ColumnElement[int] = func.coalesce(func.length(cast(columns[0], Text)), 0)
    for column in columns[1:]:
        size = size + func.coalesce(func.length(cast(column, Text)), 0)
    return size
