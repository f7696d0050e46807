"""Queries on API keys. The database stores the SHA-256 of a key and a prefix to display, never the key itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select, update

from headrace.db.changes import Topic, publish
from headrace.db.tables import api_keys, users

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def add(
    connection: AsyncConnection,
    owner: UUID,
    name: str | None,
    prefix: str,
    digest: str,
    expires_at: datetime | None = None,
) -> RowMapping:
    """Add a key and return its row."""
    row: dict[str, Any] = {
        "id": uuid4(),
        "user_id": owner,
        "name": name,
        "prefix": prefix,
        "digest": digest,
        "is_active": True,
        "total_uses": 0,
        "created_at": datetime.now(UTC),
        "expires_at": expires_at,
    }
    await connection.execute(insert(api_keys), row)
    return (await connection.execute(select(api_keys).where(api_keys.c.id == row["id"]))).mappings().one()


async def list_(connection: AsyncConnection, owner: UUID) -> Sequence[RowMapping]:
    """Return the owner's keys, oldest first."""
    query = select(api_keys).where(api_keys.c.user_id == owner).order_by(api_keys.c.created_at)
    return (await connection.execute(query)).mappings().all()


async def remove(connection: AsyncConnection, owner: UUID, key_id: UUID) -> str | None:
    """Delete one of the owner's keys and return its digest, or None if there is no such key."""
    query = delete(api_keys).where(api_keys.c.id == key_id, api_keys.c.user_id == owner).returning(api_keys.c.digest)
    digest = (await connection.execute(query)).scalar_one_or_none()
    if digest is not None:
        await publish(connection, Topic.API_KEY, owner)
    return digest


async def get_user(connection: AsyncConnection, digest: str) -> RowMapping | None:
    """Return the active user whose active key has this digest, with `key_id`."""
    query = (
        select(users.c.id, users.c.username, users.c.is_superuser, api_keys.c.id.label("key_id"), api_keys.c.expires_at)
        .join(api_keys, api_keys.c.user_id == users.c.id)
        .where(api_keys.c.digest == digest, api_keys.c.is_active, users.c.is_active)
    )
    return (await connection.execute(query)).mappings().one_or_none()


async def count_uses(connection: AsyncConnection, uses: dict[UUID, int], at: datetime) -> None:
    """Add to the use counts of keys."""
    for key_id, count in uses.items():
        await connection.execute(
            update(api_keys)
            .where(api_keys.c.id == key_id)
            .values(total_uses=api_keys.c.total_uses + count, last_used_at=at)
        )
