"""Queries on the registration of this server: none, or one email address."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from headrace.db.tables import registrations

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def get(connection: AsyncConnection) -> RowMapping | None:
    """Return the registration, or None if the server is not registered."""
    return (await connection.execute(select(registrations))).mappings().one_or_none()


async def register(connection: AsyncConnection, email: str) -> None:
    """Register the server to an email address and replace any earlier registration."""
    await connection.execute(delete(registrations))
    await connection.execute(insert(registrations), {"id": 1, "email": email, "registered_at": datetime.now(UTC)})
