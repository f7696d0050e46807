"""Queries on linked files: the files on disk that flows are written to and read from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update

from headrace.db.tables import linked_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def list_all(connection: AsyncConnection) -> Sequence[RowMapping]:
    """Return the linked files of all users."""
    return (await connection.execute(select(linked_files))).mappings().all()


async def get(connection: AsyncConnection, flow_id: UUID) -> RowMapping | None:
    """Return the linked file of a flow."""
    return (
        (await connection.execute(select(linked_files).where(linked_files.c.flow_id == flow_id)))
        .mappings()
        .one_or_none()
    )


async def find_flow(connection: AsyncConnection, owner: UUID, path: str) -> UUID | None:
    """Return the id of the owner's flow that is linked to a path."""
    query = select(linked_files.c.flow_id).where(linked_files.c.user_id == owner, linked_files.c.path == path)
    return (await connection.execute(query)).scalar_one_or_none()


async def put(connection: AsyncConnection, owner: UUID, flow_id: UUID, **columns: Any) -> None:
    """Set columns of the linked file of a flow, which is added if it is missing."""
    changed = await connection.execute(update(linked_files).where(linked_files.c.flow_id == flow_id).values(**columns))
    if not changed.rowcount:
        await connection.execute(insert(linked_files).values(flow_id=flow_id, user_id=owner, **columns))


async def remove(connection: AsyncConnection, flow_id: UUID) -> None:
    """Forget the linked file of a flow."""
    await connection.execute(delete(linked_files).where(linked_files.c.flow_id == flow_id))
