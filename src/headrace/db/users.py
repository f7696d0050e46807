"""Queries on users, for administrators, the login and the start of the server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import delete, func, insert, select, update

from headrace.db.changes import Topic, publish
from headrace.db.tables import users

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

DEFAULT_OPTINS = {"github_starred": False, "dialog_dismissed": False, "discord_clicked": False}


async def get_by_name(connection: AsyncConnection, username: str) -> RowMapping | None:
    """Return the user with this username."""
    return (await connection.execute(select(users).where(users.c.username == username))).mappings().one_or_none()


async def get(connection: AsyncConnection, user_id: UUID) -> RowMapping | None:
    """Return the user with this id."""
    return (await connection.execute(select(users).where(users.c.id == user_id))).mappings().one_or_none()


async def filter_active(connection: AsyncConnection, user_ids: Collection[UUID]) -> set[UUID]:
    """Return the ids of active users among `user_ids`."""
    query = select(users.c.id).where(users.c.id.in_(list(user_ids)), users.c.is_active)
    return set((await connection.execute(query)).scalars())


async def add(
    connection: AsyncConnection,
    username: str,
    password_hash: str,
    *,
    is_superuser: bool,
    is_active: bool,
    optins: dict[str, Any] | None = None,
) -> UUID:
    """Add a user and return the id."""
    now = datetime.now(UTC)
    row: dict[str, Any] = {
        "id": uuid4(),
        "username": username,
        "password": password_hash,
        "is_active": is_active,
        "is_superuser": is_superuser,
        "optins": DEFAULT_OPTINS if optins is None else optins,
        "create_at": now,
        "updated_at": now,
    }
    await connection.execute(insert(users), row)
    return UUID(str(row["id"]))


async def change(connection: AsyncConnection, user_id: UUID, **values: Any) -> None:
    """Set columns of a user."""
    await connection.execute(update(users).where(users.c.id == user_id).values(**values))
    await publish(connection, Topic.USER, user_id)


async def list_page(connection: AsyncConnection, *, skip: int, limit: int) -> tuple[int, Sequence[RowMapping]]:
    """Return the number of users, and a page of them, oldest first."""
    total = int((await connection.execute(select(func.count()).select_from(users))).scalar_one())
    query = select(users).order_by(users.c.create_at, users.c.id).offset(skip).limit(limit)
    return total, (await connection.execute(query)).mappings().all()


async def remove(connection: AsyncConnection, user_id: UUID) -> bool:
    """Delete a user with everything they own and return whether the user existed."""
    found = await connection.execute(delete(users).where(users.c.id == user_id).returning(users.c.id))
    if found.scalar_one_or_none() is None:
        return False
    await publish(connection, Topic.USER, user_id)
    return True
