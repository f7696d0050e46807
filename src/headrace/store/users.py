"""Users as rows. The caller of these is an administrator, the start-up, or the login."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select, update

from headrace.store.tables import users

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

DEFAULT_OPTINS = {"github_starred": False, "dialog_dismissed": False, "discord_clicked": False}


async def by_name(connection: AsyncConnection, username: str) -> RowMapping | None:
    """Return the user of this name."""
    return (await connection.execute(select(users).where(users.c.username == username))).mappings().one_or_none()


async def by_id(connection: AsyncConnection, user_id: UUID) -> RowMapping | None:
    """Return the user of this id."""
    return (await connection.execute(select(users).where(users.c.id == user_id))).mappings().one_or_none()


async def add(
    connection: AsyncConnection, username: str, password_hash: str, *, is_superuser: bool, is_active: bool
) -> UUID:
    """Add a user and return the id."""
    now = datetime.now(UTC)
    row: dict[str, Any] = {
        "id": uuid4(),
        "username": username,
        "password": password_hash,
        "is_active": is_active,
        "is_superuser": is_superuser,
        "optins": DEFAULT_OPTINS,
        "create_at": now,
        "updated_at": now,
    }
    await connection.execute(insert(users), row)
    return UUID(str(row["id"]))


async def change(connection: AsyncConnection, user_id: UUID, **values: Any) -> None:
    """Set columns of a user."""
    await connection.execute(update(users).where(users.c.id == user_id).values(**values))
