"""Messages as rows, always an owner's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

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


async def listed(
    connection: AsyncConnection,
    owner: UUID,
    *,
    flow_id: UUID | None,
    session_id: str | None,
    sender: str | None,
    sender_name: str | None,
    limit: int,
) -> Sequence[RowMapping]:
    """Return the owner's messages that match, oldest first, at most `limit` of the newest."""
    query = select(messages).where(messages.c.user_id == owner)
    for column, value in (
        (messages.c.flow_id, flow_id),
        (messages.c.session_id, session_id),
        (messages.c.sender, sender),
        (messages.c.sender_name, sender_name),
    ):
        if value is not None:
            query = query.where(column == value)
    rows = (await connection.execute(query.order_by(messages.c.timestamp.desc()).limit(limit))).mappings().all()
    return rows[::-1]
