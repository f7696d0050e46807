"""Queries on the variables of an owner. Callers encrypt the values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, or_, select, update

from headrace.db.changes import Topic, publish
from headrace.db.tables import mcp_servers, users, variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

#: The type of variables whose values their owner can read. The values of every other type are secret.
GENERIC = "Generic"
CREDENTIAL = "Credential"


async def list_(connection: AsyncConnection, owner: UUID) -> Sequence[RowMapping]:
    """Return the owner's variables, oldest first."""
    query = select(variables).where(variables.c.user_id == owner).order_by(variables.c.created_at, variables.c.name)
    return (await connection.execute(query)).mappings().all()


async def has_secrets(connection: AsyncConnection) -> bool:
    """Return whether any user has stored a variable, a key or an MCP server that only the server's secret key can decrypt.

    Variables of the environment do not count: they are stored again at each start.
    """
    own = select(variables.c.id).where(variables.c.from_environment.is_(False)).exists()
    store_key = select(users.c.id).where(users.c.store_api_key.is_not(None)).exists()
    server = select(mcp_servers.c.id).exists()
    return bool((await connection.execute(select(or_(own, store_key, server)))).scalar_one())


async def get(connection: AsyncConnection, owner: UUID, variable_id: UUID) -> RowMapping | None:
    """Return one of the owner's variables."""
    query = select(variables).where(variables.c.user_id == owner, variables.c.id == variable_id)
    return (await connection.execute(query)).mappings().one_or_none()


async def get_by_name(connection: AsyncConnection, owner: UUID, name: str) -> RowMapping | None:
    """Return the owner's variable with this name."""
    query = select(variables).where(variables.c.user_id == owner, variables.c.name == name)
    return (await connection.execute(query)).mappings().one_or_none()


async def add(
    connection: AsyncConnection,
    owner: UUID,
    *,
    name: str,
    type_: str,
    encrypted: str,
    default_fields: list[str],
    from_environment: bool = False,
) -> RowMapping:
    """Add a variable and return its row."""
    now = datetime.now(UTC)
    row: dict[str, Any] = {
        "id": uuid4(),
        "user_id": owner,
        "name": name,
        "type": type_,
        "value": encrypted,
        "default_fields": default_fields,
        "from_environment": from_environment,
        "created_at": now,
        "updated_at": now,
    }
    await connection.execute(insert(variables), row)
    await publish(connection, Topic.VARIABLE, owner)
    return (await connection.execute(select(variables).where(variables.c.id == row["id"]))).mappings().one()


async def change(
    connection: AsyncConnection, owner: UUID, variable_id: UUID, values: dict[str, Any]
) -> RowMapping | None:
    """Set columns of one of the owner's variables and return the row."""
    await connection.execute(
        update(variables)
        .where(variables.c.user_id == owner, variables.c.id == variable_id)
        .values(**values, updated_at=datetime.now(UTC))
    )
    await publish(connection, Topic.VARIABLE, owner)
    return await get(connection, owner, variable_id)


async def remove(connection: AsyncConnection, owner: UUID, variable_id: UUID) -> bool:
    """Delete one of the owner's variables and return whether it existed."""
    query = delete(variables).where(variables.c.user_id == owner, variables.c.id == variable_id)
    if (await connection.execute(query.returning(variables.c.id))).scalar_one_or_none() is None:
        return False
    await publish(connection, Topic.VARIABLE, owner)
    return True
