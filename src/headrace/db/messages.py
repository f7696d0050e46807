"""Queries on the messages of an owner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import and_, delete, func, null, or_, select, update

from headrace.db.row_batches import RowKey, size_of
from headrace.db.tables import messages
from headrace.schema.message import TIMESTAMP_FORMAT, Message
from headrace.schema.properties import Properties

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.component.context import HistoryQuery
    from headrace.limits.byte_budget import ByteBudget


def to_row(message: Message, owner: UUID) -> dict[str, Any]:
    """Return the row of a message, with the current time as its timestamp."""
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


def from_row(row: RowMapping) -> Message:
    """Return the message of a row."""
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


async def list_recent(
    connection: AsyncConnection, owner: UUID, history: HistoryQuery, budget: ByteBudget
) -> list[Message]:
    """Return the newest messages of one of the owner's sessions, in the order of the query.

    Raises:
        ByteLimitError: they are too large together.

    """
    query = select(messages).where(messages.c.user_id == owner, messages.c.session_id == history.session_id)
    for column, value in (
        (messages.c.sender, history.sender),
        (messages.c.sender_name, history.sender_name),
        (messages.c.context_id, history.context_id),
    ):
        if value is not None:
            query = query.where(column == value)
    newest = query.order_by(messages.c.timestamp.desc(), messages.c.id).limit(history.limit)
    sizes = newest.with_only_columns(size_of(messages.c.text, messages.c.content_blocks).label("size")).subquery()
    size = (await connection.execute(select(func.coalesce(func.sum(sizes.c.size), 0)))).scalar_one()
    budget.check(int(size), "The message history")
    rows = (await connection.execute(newest)).mappings().all()
    found = [from_row(row) for row in rows]
    return found if history.order == "DESC" else found[::-1]


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Conditions on an owner's messages. None matches any message."""

    flow_id: UUID | None = None
    session_ids: Collection[str] | None = None
    sender: str | None = None
    sender_name: str | None = None


#: Columns by which messages can be sorted, beside their time.
SORT_COLUMNS = ("sender", "sender_name", "session_id", "text")
#: Characters of a column by which messages are sorted.
MAX_SORT_CHARACTERS = 200


async def list_keys(
    connection: AsyncConnection,
    owner: UUID,
    message_filter: MessageFilter,
    *,
    limit: int,
    order_by: str = "timestamp",
    before: UUID | None = None,
) -> list[RowKey]:
    """Return the keys of the newest `limit` of the owner's messages that match, in ascending order of a column.

    `before` is the id of a message: only older messages are returned, so that every page costs the same.
    """
    sort_column = messages.c[order_by] if order_by in SORT_COLUMNS else None
    sort_key = null() if sort_column is None else func.substr(sort_column, 1, MAX_SORT_CHARACTERS)
    size = size_of(messages.c.text, messages.c.content_blocks, messages.c.properties, messages.c.files)
    query = select(messages.c.id, size, sort_key).where(messages.c.user_id == owner)
    if message_filter.session_ids is not None:
        query = query.where(messages.c.session_id.in_(message_filter.session_ids))
    for name in ("flow_id", "sender", "sender_name"):
        value = getattr(message_filter, name)
        if value is not None:
            query = query.where(messages.c[name] == value)
    if before is not None:
        seen = select(messages.c.timestamp, messages.c.id).where(messages.c.user_id == owner, messages.c.id == before)
        position = (await connection.execute(seen)).one_or_none()
        if position is None:
            return []
        query = query.where(
            messages.c.timestamp <= position[0], or_(messages.c.timestamp < position[0], messages.c.id < position[1])
        )
    newest_first = query.order_by(messages.c.timestamp.desc(), messages.c.id.desc()).limit(limit)
    rows = (await connection.execute(newest_first)).all()[::-1]
    if sort_column is not None:
        rows = sorted(rows, key=lambda row: str(row[2] or ""))
    return [RowKey(row[0], row[1]) for row in rows]


async def sessions(connection: AsyncConnection, owner: UUID, flow_id: UUID | None, *, limit: int) -> list[str]:
    """Return the ids of the owner's sessions, of one flow or of all, sorted.

    A recursive query jumps from id to id in the index, so that the cost depends on the sessions, not the messages.
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


async def replace(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """Replace one of the owner's messages, keeping its time, with a row of `to_row`."""
    values = {name: value for name, value in row.items() if name not in {"id", "user_id", "timestamp"}}
    owned = (messages.c.user_id == row["user_id"], messages.c.id == row["id"])
    await connection.execute(update(messages).where(*owned).values(**values))


async def remove(connection: AsyncConnection, owner: UUID, message_ids: list[UUID]) -> None:
    """Delete the owner's messages among `message_ids`."""
    await connection.execute(delete(messages).where(messages.c.user_id == owner, messages.c.id.in_(message_ids)))


async def remove_session(connection: AsyncConnection, owner: UUID, session_id: str) -> None:
    """Delete one of the owner's sessions."""
    await connection.execute(delete(messages).where(messages.c.user_id == owner, messages.c.session_id == session_id))


async def rename_session(connection: AsyncConnection, owner: UUID, old: str, new: str) -> int:
    """Rename one of the owner's sessions and return the number of its messages."""
    query = update(messages).where(messages.c.user_id == owner, messages.c.session_id == old).values(session_id=new)
    return int((await connection.execute(query)).rowcount)
