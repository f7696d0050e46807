"""Messages as rows, always an owner's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import and_, delete, func, or_, select, update

from headrace.schema.message import TIMESTAMP_FORMAT, Message
from headrace.schema.properties import Properties
from headrace.store.tables import messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.component.context import HistoryQuery


def row_of(message: Message, owner: UUID) -> dict[str, Any]:
    """Return the row that keeps a message, stamped with the present."""
    return {
        "id": UUID(message.id),
        "user_id": owner,
        "flow_id": UUID(message.flow_id) if message.flow_id else None,
        "session_id": message.session_id,
        "context_id": message.context_id,
        "sender": message.sender,
        "sender_name": message.sender_name,
        "text": message.text.replace("\x00", ""),
        "files": message.files,
        "error": message.error,
        "edit": message.edit,
        "category": message.category,
        "properties": message.properties.model_dump(),
        "content_blocks": message.content_blocks,
        "duration": message.duration,
        "timestamp": datetime.now(UTC),
    }


def message_of(row: RowMapping) -> Message:
    """Return a row as the message that it keeps."""
    return Message(
        id=str(row["id"]),
        flow_id=str(row["flow_id"]) if row["flow_id"] else None,
        session_id=row["session_id"],
        context_id=row["context_id"],
        sender=row["sender"],
        sender_name=row["sender_name"],
        text=row["text"],
        files=row["files"],
        error=row["error"],
        edit=row["edit"],
        category=row["category"],
        properties=Properties(**row["properties"]),
        content_blocks=row["content_blocks"],
        duration=row["duration"],
        timestamp=row["timestamp"].strftime(TIMESTAMP_FORMAT),
    )


async def newest(connection: AsyncConnection, owner: UUID, wanted: HistoryQuery) -> list[Message]:
    """Return the newest messages of one of the owner's sessions, in the wanted order."""
    query = select(messages).where(messages.c.user_id == owner, messages.c.session_id == wanted.session_id)
    for column, value in (
        (messages.c.sender, wanted.sender),
        (messages.c.sender_name, wanted.sender_name),
        (messages.c.context_id, wanted.context_id),
    ):
        if value is not None:
            query = query.where(column == value)
    rows = (
        (await connection.execute(query.order_by(messages.c.timestamp.desc(), messages.c.id).limit(wanted.limit)))
        .mappings()
        .all()
    )
    found = [message_of(row) for row in rows]
    return found if wanted.order == "DESC" else found[::-1]


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which of an owner's messages are wanted. None wants any."""

    flow_id: UUID | None = None
    session_id: str | None = None
    sender: str | None = None
    sender_name: str | None = None


async def listed(
    connection: AsyncConnection,
    owner: UUID,
    wanted: MessageFilter,
    *,
    limit: int,
    order_by: str = "timestamp",
    before: UUID | None = None,
) -> Sequence[RowMapping]:
    """Return the newest `limit` of the owner's messages that match, in ascending order of a column.

    `before` is a message of the owner's: only older ones are returned, so a page costs the same wherever it is.
    """
    query = select(messages).where(messages.c.user_id == owner)
    for name in ("flow_id", "session_id", "sender", "sender_name"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(messages.c[name] == value)
    if before is not None:
        seen = select(messages.c.timestamp, messages.c.id).where(messages.c.user_id == owner, messages.c.id == before)
        mark = (await connection.execute(seen)).one_or_none()
        if mark is None:
            return []
        query = query.where(
            messages.c.timestamp <= mark[0], or_(messages.c.timestamp < mark[0], messages.c.id < mark[1])
        )
    newest_first = query.order_by(messages.c.timestamp.desc(), messages.c.id.desc()).limit(limit)
    rows = (await connection.execute(newest_first)).mappings().all()[::-1]
    return rows if order_by == "timestamp" else sorted(rows, key=lambda row: str(row[order_by] or ""))


async def sessions(connection: AsyncConnection, owner: UUID, flow_id: UUID | None, *, limit: int) -> list[str]:
    """Return the names of the owner's sessions, of one flow or of all, in their order.

    Goes from name to name in the index, so that it costs a step a session and not one a message.
    """
    mine = messages.c.user_id == owner
    if flow_id is not None:
        mine = and_(mine, messages.c.flow_id == flow_id)
    first = select(func.min(messages.c.session_id)).where(mine)
    walk = select(first.scalar_subquery().label("name")).cte("walk", recursive=True)
    following = (
        select(func.min(messages.c.session_id))
        .where(mine, messages.c.session_id > walk.c.name)
        .correlate(walk)
        .scalar_subquery()
    )
    walk = walk.union_all(select(following).where(walk.c.name.is_not(None)))
    query = select(walk.c.name).where(walk.c.name.is_not(None), walk.c.name != "")
    return list((await connection.execute(query.limit(limit))).scalars())


async def change(
    connection: AsyncConnection, owner: UUID, message_id: UUID, values: dict[str, Any]
) -> RowMapping | None:
    """Set columns of one of the owner's messages and return the row; a new text marks it as edited."""
    mine = (messages.c.user_id == owner, messages.c.id == message_id)
    before = (await connection.execute(select(messages).where(*mine))).mappings().one_or_none()
    if before is None:
        return None
    if "text" in values and values["text"] != before["text"]:
        values = {"edit": True, **values}
    if values:
        await connection.execute(update(messages).where(*mine).values(**values))
    return (await connection.execute(select(messages).where(*mine))).mappings().one()


async def remove(connection: AsyncConnection, owner: UUID, message_ids: list[UUID]) -> None:
    """Delete the owner's messages among `message_ids`."""
    await connection.execute(delete(messages).where(messages.c.user_id == owner, messages.c.id.in_(message_ids)))


async def remove_session(connection: AsyncConnection, owner: UUID, session_id: str) -> None:
    """Delete one of the owner's sessions."""
    await connection.execute(delete(messages).where(messages.c.user_id == owner, messages.c.session_id == session_id))


async def rename_session(connection: AsyncConnection, owner: UUID, old: str, new: str) -> int:
    """Give one of the owner's sessions another name and return how many messages it has."""
    query = update(messages).where(messages.c.user_id == owner, messages.c.session_id == old).values(session_id=new)
    return int((await connection.execute(query)).rowcount)
