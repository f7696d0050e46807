"""Who registered this server: nobody, or one address."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from headrace.store.tables import registrations

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def current(connection: AsyncConnection) -> RowMapping | None:
    """Return the registration."""
    return (await connection.execute(select(registrations))).mappings().one_or_none()


async def register(connection: AsyncConnection, email: str) -> None:
    """Register the server to an address, in place of the one before."""
    await connection.execute(delete(registrations))
    await connection.execute(insert(registrations), {"id": 1, "email": email, "registered_at": datetime.now(UTC)})
