"""Keys of the component store that users have saved."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from headrace.db import users

if TYPE_CHECKING:
    from headrace.db.database import Database
    from headrace.db.encryption import VariableCipher


class StoreKeyService:
    """Reads and writes each user's key of the component store, encrypted."""

    def __init__(self, database: Database, cipher: VariableCipher) -> None:
        self._database = database
        self._cipher = cipher

    async def save_key(self, owner: UUID, key: str) -> None:
        """Store the owner's key, replacing the previous one."""
        encrypted = self._cipher.encrypt(key)
        await self._database.write(lambda c: users.change(c, owner, store_api_key=encrypted))

    async def find_key(self, owner: UUID) -> str | None:
        """Return the owner's key, or None if the owner has not saved one."""
        async with self._database.connect() as connection:
            row = await users.get(connection, owner)
        return self._cipher.decrypt(row["store_api_key"]) if row is not None and row["store_api_key"] else None
