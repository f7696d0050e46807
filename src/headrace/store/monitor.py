"""What runs left behind, as rows, always an owner's: vertex builds and transactions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select

from headrace.store.tables import transactions, vertex_builds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

#: So many builds of a flow are shown, the newest.
MOST_BUILDS = 3000


def rows_of(
    owner: UUID, flow_id: UUID, job_id: UUID, vertex_id: str, targets: Sequence[str], given: dict[str, Any]
) -> list[tuple[Table, dict[str, Any]]]:
    """Return the rows that keep what a vertex gave: its build, and a transaction for each vertex that it leads to.

    Args:
        owner: whose flow it is.
        flow_id: which.
        job_id: the build.
        vertex_id: the vertex.
        targets: the vertices that it leads to.
        given: `params` as text, `data` and `artifacts` as JSON.

    """
    mine = {"user_id": owner, "flow_id": flow_id, "timestamp": datetime.now(UTC)}
    build = {"build_id": uuid4(), "id": vertex_id, "job_id": job_id, "valid": True, **given}
    outputs = given["data"]["outputs"]
    handed: dict[str, Any] = {"vertex_id": vertex_id, "status": "success", "inputs": {}, "outputs": outputs}
    ends: list[str | None] = list(targets) or [None]
    handovers = [(transactions, {**mine, **handed, "id": uuid4(), "target_id": end}) for end in ends]
    return [(vertex_builds, {**mine, **build}), *handovers]


async def keep_newest(
    connection: AsyncConnection, owner: UUID, flow_id: UUID, *, of_vertex: int, of_transactions: int
) -> None:
    """Forget the oldest of a flow: builds beyond `of_vertex` of each vertex, and transactions beyond `of_transactions`."""
    number = func.row_number().over(partition_by=vertex_builds.c.id, order_by=vertex_builds.c.timestamp.desc())
    ranked = (
        select(vertex_builds.c.build_id, number.label("number"))
        .where(vertex_builds.c.user_id == owner, vertex_builds.c.flow_id == flow_id)
        .subquery()
    )
    old = select(ranked.c.build_id).where(ranked.c.number > of_vertex)
    await connection.execute(delete(vertex_builds).where(vertex_builds.c.build_id.in_(old)))
    mine = (transactions.c.user_id == owner, transactions.c.flow_id == flow_id)
    newest = select(transactions.c.id).where(*mine).order_by(transactions.c.timestamp.desc()).limit(of_transactions)
    await connection.execute(delete(transactions).where(*mine, transactions.c.id.not_in(newest)))


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
