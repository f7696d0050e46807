"""Inserts batches of rows through one asyncpg connection, in one round trip."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from sqlalchemy import String

from headrace.db.error_values import hide_values
from headrace.db.row_encoder import Row, RowEncoder

if TYPE_CHECKING:
    from sqlalchemy import Dialect, Table
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

#: How long rows are encoded before the event loop serves its other tasks, in seconds.
MAX_ENCODING_SECONDS = 0.005


class PostgresRowInserter:
    """Holds a connection of the writer's engine and sends each batch as a single statement.

    One statement is one transaction: it needs neither BEGIN nor COMMIT. A batch for several tables is one statement
    with an INSERT in a common table expression for each table but the last.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None
        self._encoders: dict[Table, RowEncoder] = {}
        self._statements: dict[tuple[Table, ...], str] = {}

    async def insert(self, rows: Sequence[tuple[Table, Row]]) -> None:
        """Insert rows in one transaction and return once it is committed.

        Raises:
            Exception: an error of the driver or of an encoder.

        """
        groups: dict[Table, list[list[Any]]] = {}
        pause_at = time.perf_counter() + MAX_ENCODING_SECONDS
        for table, row in rows:
            groups.setdefault(table, []).append(self._encoder(table).encode(row))
            if time.perf_counter() >= pause_at:
                await asyncio.sleep(0)
                pause_at = time.perf_counter() + MAX_ENCODING_SECONDS
        tables = tuple(sorted(groups, key=lambda table: table.name))
        arrays = [list(column) for table in tables for column in zip(*groups[table], strict=True)]
        sql = self._statements.get(tables)
        if sql is None:
            sql = self._statements[tables] = self._compile(tables)
        try:
            await (await self._driver()).execute(sql, *arrays)
        except BaseException as error:
            hide_values(error)
            await self.close()
            raise

    def _encoder(self, table: Table) -> RowEncoder:
        encoder = self._encoders.get(table)
        if encoder is None:
            encoder = self._encoders[table] = RowEncoder(table, self._engine.dialect)
        return encoder

    def _compile(self, tables: Sequence[Table]) -> str:
        inserts, number = [], 0
        for table in tables:
            arrays = []
            for column in table.columns:
                number += 1
                arrays.append(f"${number}::{_array_type(column.type, self._engine.dialect)}[]")
            encoder = self._encoder(table)
            inserts.append(
                f"INSERT INTO {encoder.table_name} ({encoder.columns}) SELECT * FROM unnest({', '.join(arrays)})"  # noqa: S608  # names of our tables
            )
        *first, last = inserts
        with_clause = ", ".join(f"i{n} AS ({statement})" for n, statement in enumerate(first))
        return f"WITH {with_clause} {last}" if first else last

    async def _driver(self) -> Any:
        if self._connection is None:
            # SQLAlchemy starts no transaction on it, so that each statement commits by itself.
            self._connection = await self._engine.connect()
        return (await self._connection.get_raw_connection()).driver_connection

    def interrupt(self) -> None:
        """Do nothing: asyncpg stops the statement of a cancelled call."""

    def lend(self) -> AbstractAsyncContextManager[None]:
        """Do nothing: the inserter has its own connection."""
        return contextlib.nullcontext()

    async def close(self) -> None:
        """Drop the connection; the next batch opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.invalidate()
            await connection.close()


def _array_type(type_: Any, dialect: Dialect) -> str:
    # A cast to VARCHAR(n) would cut a text that is too long; as TEXT it fails on insertion, as it should.
    return "TEXT" if isinstance(type_, String) else str(type_.compile(dialect))
