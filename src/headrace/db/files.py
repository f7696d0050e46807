"""Queries on the files of an owner. The storage holds their bytes as `blob`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import delete, func, insert, or_, select, update

from headrace.db.changes import Topic, publish
from headrace.db.tables import files, flows
from headrace.db.unique_names import next_free_name

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def list_(connection: AsyncConnection, owner: UUID, flow_id: UUID | None = None) -> Sequence[RowMapping]:
    """Return the files that were uploaded to one of the owner's flows, or without a flow the owner's own, oldest first."""
    query = select(files).where(files.c.user_id == owner, files.c.flow_id == flow_id)
    return (await connection.execute(query.order_by(files.c.created_at, files.c.id))).mappings().all()


async def usage(connection: AsyncConnection, owner: UUID) -> tuple[int, int]:
    """Return the number and the total size in bytes of all the owner's files, also those of flows."""
    query = select(func.count(), func.coalesce(func.sum(files.c.size), 0)).where(files.c.user_id == owner)
    count, size = (await connection.execute(query)).one()
    return int(count), int(size)


async def get_many(connection: AsyncConnection, owner: UUID, file_ids: list[UUID]) -> Sequence[RowMapping]:
    """Return the owner's own files among `file_ids`, in their order."""
    query = select(files).where(files.c.user_id == owner, files.c.flow_id.is_(None), files.c.id.in_(file_ids))
    found = {row["id"]: row for row in (await connection.execute(query)).mappings()}
    return [found[i] for i in dict.fromkeys(file_ids) if i in found]


async def get_by_path(connection: AsyncConnection, owner: UUID, path: str) -> RowMapping | None:
    """Return the owner's file with this public path."""
    query = select(files).where(files.c.user_id == owner, files.c.path == path)
    return (await connection.execute(query)).mappings().one_or_none()


async def sizes_by_path(connection: AsyncConnection, owner: UUID, paths: Collection[str]) -> dict[str, int]:
    """Return the sizes of the owner's files with these public paths, in bytes."""
    query = select(files.c.path, files.c.size).where(files.c.user_id == owner, files.c.path.in_(set(paths)))
    return {row.path: row.size for row in await connection.execute(query)}


async def add(
    connection: AsyncConnection, owner: UUID, *, folder: UUID, flow_id: UUID | None, name: str, blob: UUID, size: int
) -> RowMapping:
    """Add a file and return its row. A name in use gets the number after the highest one, before its extension.

    Args:
        connection: a connection with a transaction.
        owner: the id of the owner.
        folder: the first segment of the file's path: the id of the flow, or of the owner.
        flow_id: the flow that the file was uploaded to, if any.
        name: the file's name with its extension, such as `report.pdf`.
        blob: the id of its bytes in the storage.
        size: the number of bytes.

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
    await publish(connection, Topic.LISTS, owner)
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
        path = PurePosixPath(row["path"].partition("/")[2])
        if path.suffix == pure.suffix:
            taken.add(path.stem)
        if flow_id is None:
            # The names of a user's own files differ, whatever their extensions are.
            taken.add(row["name"])
    return f"{next_free_name(pure.stem, taken)}{pure.suffix}"


async def change(
    connection: AsyncConnection, owner: UUID, file_id: UUID, values: dict[str, Any], *, where_blob: UUID | None = None
) -> RowMapping | None:
    """Set columns of one of the owner's own files and return the row; with `where_blob`, only if its bytes have not changed."""
    query = update(files).where(files.c.user_id == owner, files.c.flow_id.is_(None), files.c.id == file_id)
    if where_blob is not None:
        query = query.where(files.c.blob == where_blob)
    changed = query.values(**values, updated_at=datetime.now(UTC)).returning(*files.c)
    row = (await connection.execute(changed)).mappings().one_or_none()
    await publish(connection, Topic.LISTS, owner)
    return row


async def remove(connection: AsyncConnection, owner: UUID, file_ids: list[UUID]) -> Sequence[RowMapping]:
    """Delete the owner's files among `file_ids` and return the deleted rows."""
    query = delete(files).where(files.c.user_id == owner, files.c.id.in_(file_ids)).returning(*files.c)
    rows = (await connection.execute(query)).mappings().all()
    await publish(connection, Topic.LISTS, owner)
    return rows


async def list_all(connection: AsyncConnection, owner: UUID, project_id: UUID | None = None) -> Sequence[RowMapping]:
    """Return all the owner's files, or those that were uploaded to the flows of a project, oldest first."""
    query = select(files).where(files.c.user_id == owner)
    if project_id is not None:
        query = query.join(flows, flows.c.id == files.c.flow_id).where(flows.c.folder_id == project_id)
    return (await connection.execute(query.order_by(files.c.created_at, files.c.id))).mappings().all()


async def list_flow_blobs(connection: AsyncConnection, owner: UUID, flow_ids: list[UUID]) -> list[UUID]:
    """Return the blob ids of the files that were uploaded to the owner's flows."""
    query = select(files.c.blob).where(files.c.user_id == owner, files.c.flow_id.in_(flow_ids))
    return list((await connection.execute(query)).scalars())


async def list_blobs(connection: AsyncConnection, owner: UUID) -> list[UUID]:
    """Return the blob ids of all the owner's files."""
    return list((await connection.execute(select(files.c.blob).where(files.c.user_id == owner))).scalars())
