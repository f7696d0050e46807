"""Queries on the conversations of an owner, and on the items in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import Text, cast, delete, func, insert, select, update

from headrace.db.quotas import QuotaError, lock_owner
from headrace.db.tables import conversation_items, conversations
from headrace.limits.byte_budget import readable_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, RowMapping, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")


async def add(connection: AsyncConnection, owner: UUID, conversation_id: str, labels: dict[str, str]) -> RowMapping:
    """Add a conversation and return its row."""
    values = {"id": conversation_id, "user_id": owner, "labels": labels, "created_at": datetime.now(UTC)}
    await connection.execute(insert(conversations), values)
    query = select(conversations).where(conversations.c.id == conversation_id)
    return (await connection.execute(query)).mappings().one()


async def get(connection: AsyncConnection, owner: UUID, conversation_id: str) -> RowMapping | None:
    """Return one of the owner's conversations."""
    query = select(conversations).where(conversations.c.user_id == owner, conversations.c.id == conversation_id)
    return (await connection.execute(query)).mappings().one_or_none()


async def change(
    connection: AsyncConnection, owner: UUID, conversation_id: str, labels: dict[str, str]
) -> RowMapping | None:
    """Replace the metadata of one of the owner's conversations and return its row."""
    query = (
        update(conversations)
        .where(conversations.c.user_id == owner, conversations.c.id == conversation_id)
        .values(labels=labels)
        .returning(conversations)
    )
    row: RowMapping | None = (await connection.execute(query)).mappings().one_or_none()
    return row


async def remove(connection: AsyncConnection, owner: UUID, conversation_id: str) -> bool:
    """Delete one of the owner's conversations with its items, and return whether it existed."""
    query = delete(conversations).where(conversations.c.user_id == owner, conversations.c.id == conversation_id)
    return (await connection.execute(query)).rowcount > 0


async def add_items(
    connection: AsyncConnection, owner: UUID, conversation_id: str, items: Sequence[dict[str, Any]]
) -> None:
    """Add items, which have ids, to the end of one of the owner's conversations. An item that is in it already stays as it is."""
    # Two writers of one conversation take turns, so that no position is used twice.
    locked = select(conversations.c.id).where(conversations.c.user_id == owner, conversations.c.id == conversation_id)
    if (await connection.execute(locked.with_for_update())).scalar_one_or_none() is None:
        return
    mine = conversation_items.c.conversation_id == conversation_id
    last = (await connection.execute(select(func.max(conversation_items.c.position)).where(mine))).scalar_one()
    known_query = select(conversation_items.c.id).where(
        mine, conversation_items.c.id.in_([item["id"] for item in items])
    )
    known = set((await connection.execute(known_query)).scalars())
    first = 0 if last is None else last + 1
    rows = [
        {
            "conversation_id": conversation_id,
            "position": position,
            "user_id": owner,
            "id": item["id"],
            "item": item,
            "size": len(orjson.dumps(item)),
        }
        for position, item in enumerate((item for item in items if item["id"] not in known), first)
    ]
    if rows:
        await connection.execute(insert(conversation_items), rows)


async def list_items(
    connection: AsyncConnection,
    owner: UUID,
    conversation_id: str,
    *,
    after: str | None,
    descending: bool,
    limit: int,
) -> list[dict[str, Any]]:
    """Return at most `limit` items of one of the owner's conversations, from the one behind `after` on."""
    mine = (conversation_items.c.user_id == owner, conversation_items.c.conversation_id == conversation_id)
    position = conversation_items.c.position
    query = select(conversation_items.c.item).where(*mine)
    if after is not None:
        start = select(position).where(*mine, conversation_items.c.id == after).scalar_subquery()
        query = query.where(position < start if descending else position > start)
    query = query.order_by(position.desc() if descending else position).limit(limit)
    return list((await connection.execute(query)).scalars())


async def newest_sizes(connection: AsyncConnection, owner: UUID, conversation_id: str, limit: int) -> list[int]:
    """Return the sizes of the newest items of one of the owner's conversations in bytes, newest first."""
    return list((await connection.execute(_newest(conversation_items.c.size, owner, conversation_id, limit))).scalars())


async def read_newest(connection: AsyncConnection, owner: UUID, conversation_id: str, limit: int) -> list[str]:
    """Return the newest items of one of the owner's conversations as JSON, newest first."""
    text = cast(conversation_items.c.item, Text)
    return list((await connection.execute(_newest(text, owner, conversation_id, limit))).scalars())


def _newest(column: ColumnElement[T], owner: UUID, conversation_id: str, limit: int) -> Select[T]:
    mine = (conversation_items.c.user_id == owner, conversation_items.c.conversation_id == conversation_id)
    return select(column).where(*mine).order_by(conversation_items.c.position.desc()).limit(limit)


async def get_item(
    connection: AsyncConnection, owner: UUID, conversation_id: str, item_id: str
) -> dict[str, Any] | None:
    """Return an item of one of the owner's conversations."""
    query = select(conversation_items.c.item).where(
        conversation_items.c.user_id == owner,
        conversation_items.c.conversation_id == conversation_id,
        conversation_items.c.id == item_id,
    )
    item: dict[str, Any] | None = (await connection.execute(query)).scalar_one_or_none()
    return item


async def remove_item(connection: AsyncConnection, owner: UUID, conversation_id: str, item_id: str) -> bool:
    """Delete an item of one of the owner's conversations, and return whether it existed."""
    query = delete(conversation_items).where(
        conversation_items.c.user_id == owner,
        conversation_items.c.conversation_id == conversation_id,
        conversation_items.c.id == item_id,
    )
    return (await connection.execute(query)).rowcount > 0


async def check_size(connection: AsyncConnection, owner: UUID, items: Sequence[dict[str, Any]], max_bytes: int) -> None:
    """Check that the owner may add items to conversations.

    Raises:
        QuotaError: the owner's items would be larger than `max_bytes`.

    """
    await lock_owner(connection, owner)
    added = sum(len(orjson.dumps(item)) for item in items)
    query = select(func.coalesce(func.sum(conversation_items.c.size), 0)).where(conversation_items.c.user_id == owner)
    if int((await connection.execute(query)).scalar_one()) + added > max_bytes:
        raise QuotaError(
            f"The items of your conversations may take at most {readable_size(max_bytes)}",
            "conversations",
            "HEADRACE_MAX_CONVERSATION_BYTES",
        )
