"""The history of runs: the stored vertex builds and transactions of each flow."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from headrace.db import monitor, tables
from headrace.db.row_batches import RowBatches

if TYPE_CHECKING:
    from headrace.db.database import Database


class RunHistoryService:
    """Reads and deletes the run history of each owner's flows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_builds(self, owner: UUID, flow_id: UUID) -> RowBatches:
        """Return the newest vertex builds of one of the owner's flows, those of a vertex together, oldest first."""
        async with self._database.connect() as connection:
            keys = await monitor.list_build_keys(connection, owner, flow_id)
        return RowBatches(self._database, owner, tables.vertex_builds.c.build_id, keys)

    async def delete_builds(self, owner: UUID, flow_id: UUID) -> None:
        """Delete the vertex builds of one of the owner's flows."""
        await self._database.write(lambda c: monitor.remove_builds(c, owner, flow_id))

    async def list_transaction_page(
        self, owner: UUID, flow_id: UUID, *, page: int, size: int
    ) -> tuple[int, RowBatches]:
        """Return the number of transactions of one of the owner's flows and a page of them, newest first. Pages count from 1."""
        async with self._database.connect() as connection:
            total, keys = await monitor.list_transaction_keys(
                connection, owner, flow_id, limit=size, offset=(page - 1) * size
            )
        return total, RowBatches(self._database, owner, tables.transactions.c.id, keys)
