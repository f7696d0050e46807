"""The registration of this server to an email address. The address is stored locally and never sent anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.db import registrations

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from headrace.db.database import Database


class RegistrationService:
    """Reads and replaces the registration."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_registration(self) -> RowMapping | None:
        """Return the registration, or None if the server is not registered."""
        async with self._database.connect() as connection:
            return await registrations.get(connection)

    async def register(self, email: str) -> None:
        """Register the server, replacing an earlier registration."""
        await self._database.write(lambda c: registrations.register(c, email))
