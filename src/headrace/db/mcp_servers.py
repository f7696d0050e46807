"""Queries on the MCP servers of an owner. Callers encrypt the configurations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select, update

from headrace.db.tables import mcp_servers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def list_(connection: AsyncConnection, owner: UUID) -> Sequence[RowMapping]:
    """Return the owner's servers, oldest first."""
    query = (
        select(mcp_servers).where(mcp_servers.c.user_id == owner).order_by(mcp_servers.c.created_at, mcp_servers.c.name)
    )
    return (await connection.execute(query)).mappings().all()


async def get(connection: AsyncConnection, owner: UUID, name: str) -> RowMapping | None:
    """Return the owner's server with a name."""
    query = select(mcp_servers).where(mcp_servers.c.user_id == owner, mcp_servers.c.name == name)
    return (await connection.execute(query)).mappings().one_or_none()


async def add(connection: AsyncConnection, owner: UUID, name: str, encrypted: str) -> None:
    """Add a server."""
    now = datetime.now(UTC)
    row = {"id": uuid4(), "user_id": owner, "name": name, "config": encrypted, "created_at": now, "updated_at": now}
    await connection.execute(insert(mcp_servers), row)


async def change(connection: AsyncConnection, owner: UUID, name: str, encrypted: str) -> None:
    """Replace the configuration of one of the owner's servers."""
    await connection.execute(
        update(mcp_servers)
        .where(mcp_servers.c.user_id == owner, mcp_servers.c.name == name)
        .values(config=encrypted, updated_at=datetime.now(UTC))
    )


async def remove(connection: AsyncConnection, owner: UUID, name: str) -> bool:
    """Delete one of the owner's servers and return whether it existed."""
    query = delete(mcp_servers).where(mcp_servers.c.user_id == owner, mcp_servers.c.name == name)
    return (await connection.execute(query.returning(mcp_servers.c.id))).scalar_one_or_none() is not None
