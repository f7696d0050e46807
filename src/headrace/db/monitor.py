"""Queries on the run history of an owner's flows: vertex builds and transactions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select

from headrace.db.row_batches import RowKey, size_of
from headrace.db.tables import transactions, vertex_builds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

#: At most this number of vertex builds of a flow is returned, the newest.
MAX_BUILDS = 3000


def build_rows(
    owner: UUID, flow_id: UUID, job_id: UUID, vertex_id: str, targets: Sequence[str], result: dict[str, Any]
) -> list[tuple[Table, dict[str, Any]]]:
    """Return the rows of a vertex result: its build, and a transaction for each target vertex.

    Args:
        owner: the id of the flow's owner.
        flow_id: the id of the flow.
        job_id: the id of the build.
        vertex_id: the id of the vertex.
        targets: the ids of the vertices that receive its outputs.
        result: `params` as text, `data` and `artifacts` as JSON.

    """
    mine = {"user_id": owner, "flow_id": flow_id, "timestamp": datetime.now(UTC)}
    build = {"build_id": uuid4(), "id": vertex_id, "job_id": job_id, "valid": True, **result}
    outputs = result["data"]["outputs"]
    transaction: dict[str, Any] = {"vertex_id": vertex_id, "status": "success", "inputs": {}, "outputs": outputs}
    target_ids: list[str | None] = list(targets) or [None]
    transaction_rows = [
        (transactions, {**mine, **transaction, "id": uuid4(), "target_id": target_id}) for target_id in target_ids
    ]
    return [(vertex_builds, {**mine, **build}), *transaction_rows]


async def prune_builds(connection: AsyncConnection, owner: UUID, flow_id: UUID, builds_per_vertex: int) -> None:
    """Delete the oldest builds of a flow, beyond the newest `builds_per_vertex` of each vertex."""
    number = func.row_number().over(partition_by=vertex_builds.c.id, order_by=vertex_builds.c.timestamp.desc())
    ranked = (
        select(vertex_builds.c.build_id, number.label("number"))
        .where(vertex_builds.c.user_id == owner, vertex_builds.c.flow_id == flow_id)
        .subquery()
    )
    old = select(ranked.c.build_id).where(ranked.c.number > builds_per_vertex)
    await connection.execute(delete(vertex_builds).where(vertex_builds.c.build_id.in_(old)))


async def prune_transactions(
    connection: AsyncConnection, owner: UUID, flow_id: UUID, transactions_per_flow: int
) -> None:
    """Delete the oldest transactions of a flow, beyond the newest `transactions_per_flow`."""
    of_flow = (transactions.c.user_id == owner, transactions.c.flow_id == flow_id)
    newest = (
        select(transactions.c.id).where(*of_flow).order_by(transactions.c.timestamp.desc()).limit(transactions_per_flow)
    )
    await connection.execute(delete(transactions).where(*of_flow, transactions.c.id.not_in(newest)))


async def list_build_keys(connection: AsyncConnection, owner: UUID, flow_id: UUID) -> list[RowKey]:
    """Return the keys of the newest vertex builds of one of the owner's flows, those of a vertex together, oldest first."""
    columns = vertex_builds.c
    size = size_of(columns.params, columns.data, columns.artifacts)
    query = (
        select(columns.build_id, size, columns.id)
        .where(columns.user_id == owner, columns.flow_id == flow_id)
        .order_by(columns.timestamp.desc())
        .limit(MAX_BUILDS)
    )
    keys: dict[str, list[RowKey]] = {}
    for build_id, bytes_, vertex_id in (await connection.execute(query)).all()[::-1]:
        keys.setdefault(vertex_id, []).append(RowKey(build_id, bytes_))
    return [key for vertex_keys in keys.values() for key in vertex_keys]


async def remove_builds(connection: AsyncConnection, owner: UUID, flow_id: UUID) -> None:
    """Delete the vertex builds of one of the owner's flows."""
    await connection.execute(
        delete(vertex_builds).where(vertex_builds.c.user_id == owner, vertex_builds.c.flow_id == flow_id)
    )


async def list_transaction_keys(
    connection: AsyncConnection, owner: UUID, flow_id: UUID, *, limit: int, offset: int
) -> tuple[int, list[RowKey]]:
    """Return the number of transactions of one of the owner's flows, and the keys of a page of them, newest first."""
    columns = transactions.c
    mine = (columns.user_id == owner, columns.flow_id == flow_id)
    total = int((await connection.execute(select(func.count()).select_from(transactions).where(*mine))).scalar_one())
    query = select(columns.id, size_of(columns.inputs, columns.outputs, columns.error)).where(*mine)
    page = query.order_by(columns.timestamp.desc()).limit(limit).offset(offset)
    return total, [RowKey(row[0], row[1]) for row in (await connection.execute(page)).all()]
