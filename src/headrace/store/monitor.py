"""What runs left behind, as rows, always an owner's: vertex builds and transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import delete, func, select

from headrace.store.tables import transactions, vertex_builds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

#: So many builds of a flow are shown, the newest.
MOST_BUILDS = 3000


async def builds(connection: AsyncConnection, owner: UUID, flow_id: UUID) -> Sequence[RowMapping]:
    """Return the newest vertex builds of one of the owner's flows, oldest first."""
    query = (
        select(vertex_builds)
        .where(vertex_builds.c.user_id == owner, vertex_builds.c.flow_id == flow_id)
        .order_by(vertex_builds.c.timestamp.desc())
        .limit(MOST_BUILDS)
    )
    return (await connection.execute(query)).mappings().all()[::-1]


async def remove_builds(connection: AsyncConnection, owner: UUID, flow_id: UUID) -> None:
    """Delete the vertex builds of one of the owner's flows."""
    await connection.execute(
        delete(vertex_builds).where(vertex_builds.c.user_id == owner, vertex_builds.c.flow_id == flow_id)
    )


async def transaction_page(
    connection: AsyncConnection, owner: UUID, flow_id: UUID, *, limit: int, offset: int
) -> tuple[int, Sequence[RowMapping]]:
    """Return how many transactions one of the owner's flows has, and some of them, newest first."""
    mine = (transactions.c.user_id == owner, transactions.c.flow_id == flow_id)
    total = int((await connection.execute(select(func.count()).select_from(transactions).where(*mine))).scalar_one())
    query = select(transactions).where(*mine).order_by(transactions.c.timestamp.desc()).limit(limit).offset(offset)
    return total, (await connection.execute(query)).mappings().all()
