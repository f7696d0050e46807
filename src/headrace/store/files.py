"""Files as rows, always an owner's. Their bytes are in `files/`, under `blob`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, or_, select, update

from headrace.store.tables import files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def all_of(connection: AsyncConnection, owner: UUID, flow_id: UUID | None = None) -> Sequence[RowMapping]:
    """Return the files that were sent to one of the owner's flows, or without a flow the owner's own, oldest first."""
    query = select(files).where(files.c.user_id == owner, files.c.flow_id == flow_id)
    return (await connection.execute(query.order_by(files.c.created_at, files.c.id))).mappings().all()


async def some(connection: AsyncConnection, owner: UUID, file_ids: list[UUID]) -> Sequence[RowMapping]:
    """Return the owner's own files among `file_ids`, in their order."""
    query = select(files).where(files.c.user_id == owner, files.c.flow_id.is_(None), files.c.id.in_(file_ids))
    found = {row["id"]: row for row in (await connection.execute(query)).mappings()}
    return [found[i] for i in dict.fromkeys(file_ids) if i in found]


async def at_path(connection: AsyncConnection, owner: UUID, path: str) -> RowMapping | None:
    """Return the owner's file that flows and clients know under `path`."""
    query = select(files).where(files.c.user_id == owner, files.c.path == path)
    return (await connection.execute(query)).mappings().one_or_none()


async def add(
    connection: AsyncConnection, owner: UUID, *, folder: UUID, flow_id: UUID | None, name: str, blob: UUID, size: int
) -> RowMapping:
    """Add a file and return its row. A name that is taken gets a number before its ending.

    Args:
        connection: where to.
        owner: whose it is.
        folder: what its path begins with: the flow's id, or the owner's.
        flow_id: the flow that it was sent to.
        name: its whole name, such as `report.pdf`.
        blob: where its bytes are.
        size: how many bytes.

    """
    name = await _free_name(connection, owner, folder, flow_id, name)
    now = datetime.now(UTC)
    row: dict[str, Any] = {
        "id": uuid4(),
        "user_id": owner,
        "flow_id": flow_id,
        "name": name if flow_id is not None else PurePosixPath(name).stem,
        "path": f"{folder}/{name}",
        "blob": blob,
        "size": size,
        "created_at": now,
        "updated_at": now,
    }
    await connection.execute(insert(files), row)
    return (await connection.execute(select(files).where(files.c.id == row["id"]))).mappings().one()


async def _free_name(connection: AsyncConnection, owner: UUID, folder: UUID, flow_id: UUID | None, name: str) -> str:
    pure = PurePosixPath(name)
    query = select(files.c.name, files.c.path).where(
        files.c.user_id == owner,
        files.c.flow_id == flow_id,
        or_(
            files.c.name.startswith(pure.stem, autoescape=True),
            files.c.path.startswith(f"{folder}/{pure.stem}", autoescape=True),
        ),
    )
    taken: set[str] = set()
    for row in (await connection.execute(query)).mappings():
        taken |= {row["name"], row["path"].partition("/")[2]}
    number, free = 0, name
    while free in taken or (flow_id is None and PurePosixPath(free).stem in taken):
        number += 1
        free = f"{pure.stem} ({number}){pure.suffix}"
    return free


async def change(
    connection: AsyncConnection, owner: UUID, file_id: UUID, values: dict[str, Any], *, where_blob: UUID | None = None
) -> RowMapping | None:
    """Set columns of one of the owner's own files and return the row; with `where_blob`, only while its bytes are those."""
    query = update(files).where(files.c.user_id == owner, files.c.flow_id.is_(None), files.c.id == file_id)
    if where_blob is not None:
        query = query.where(files.c.blob == where_blob)
    changed = query.values(**values, updated_at=datetime.now(UTC)).returning(*files.c)
    return (await connection.execute(changed)).mappings().one_or_none()


async def remove(connection: AsyncConnection, owner: UUID, file_ids: list[UUID]) -> Sequence[RowMapping]:
    """Delete the owner's files among `file_ids` and return the rows that were."""
    query = delete(files).where(files.c.user_id == owner, files.c.id.in_(file_ids)).returning(*files.c)
    return (await connection.execute(query)).mappings().all()


async def blobs_of_flows(connection: AsyncConnection, owner: UUID, flow_ids: list[UUID]) -> list[UUID]:
    """Return where the bytes of the files are that were sent to the owner's flows."""
    query = select(files.c.blob).where(files.c.user_id == owner, files.c.flow_id.in_(flow_ids))
    return list((await connection.execute(query)).scalars())


async def blobs_of(connection: AsyncConnection, owner: UUID) -> list[UUID]:
    """Return where the bytes of all the owner's files are."""
    return list((await connection.execute(select(files.c.blob).where(files.c.user_id == owner))).scalars())
