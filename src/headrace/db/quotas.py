"""Maximum numbers of objects that a user owns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import Table, false, func, select, update

from headrace.db.tables import users
from headrace.errors import ConflictError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


class QuotaError(ConflictError):
    """A user has the maximum number or size of stored objects of a kind."""

    def __init__(self, problem: str, things: str, setting: str) -> None:
        super().__init__(f"{problem}. Delete {things} that you don't need, or ask an operator to raise {setting}.")


async def lock_owner(connection: AsyncConnection, owner: UUID) -> None:
    """Let transactions of other servers that count the rows of the same owner wait for the end of this one."""
    if connection.dialect.name == "sqlite":
        # The driver begins a transaction at the first change: without one, each query would have its own.
        await connection.execute(update(users).where(false()).values(id=users.c.id))
        return
    # Not FOR UPDATE, which would wait for every insert of a row that refers to the user.
    await connection.execute(select(users.c.id).where(users.c.id == owner).with_for_update(key_share=True))


@dataclass(frozen=True, slots=True)
class Quota:
    """The maximum number of a user's rows in a table.

    Attributes:
        table: a table with the column `user_id`.
        things: the plural noun of its rows, for the error message.
        max_count: the maximum number.
        setting: the variable that raises it.

    """

    table: Table
    things: str
    max_count: int
    setting: str

    async def check(self, connection: AsyncConnection, owner: UUID, added: int = 1) -> None:
        """Check that a user may add rows.

        Raises:
            QuotaError: the user would have more than the maximum.

        """
        await lock_owner(connection, owner)
        query = select(func.count()).select_from(self.table).where(self.table.c.user_id == owner)
        count = (await connection.execute(query)).scalar_one()
        if count + added > self.max_count:
            raise QuotaError(f"You may have at most {self.max_count} {self.things}", self.things, self.setting)
