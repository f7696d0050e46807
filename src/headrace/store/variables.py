"""Variables as rows, always an owner's. Values are encrypted before they come here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select, update

from headrace.store.tables import variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

#: The type whose value its owner may see again. Every other type is a secret.
GENERIC = "Generic"
CREDENTIAL = "Credential"


async def all_of(connection: AsyncConnection, owner: UUID) -> Sequence[RowMapping]:
    """Return the owner's variables, oldest first."""
    query = select(variables).where(variables.c.user_id == owner).order_by(variables.c.created_at, variables.c.name)
    return (await connection.execute(query)).mappings().all()


async def one(connection: AsyncConnection, owner: UUID, variable_id: UUID) -> RowMapping | None:
    """Return one of the owner's variables."""
    query = select(variables).where(variables.c.user_id == owner, variables.c.id == variable_id)
    return (await connection.execute(query)).mappings().one_or_none()


async def named(connection: AsyncConnection, owner: UUID, name: str) -> RowMapping | None:
    """Return the owner's variable of this name."""
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
    return await one(connection, owner, variable_id)


async def remove(connection: AsyncConnection, owner: UUID, variable_id: UUID) -> bool:
    """Delete one of the owner's variables; return whether there was one."""
    query = delete(variables).where(variables.c.user_id == owner, variables.c.id == variable_id)
    return (await connection.execute(query.returning(variables.c.id))).scalar_one_or_none() is not None
