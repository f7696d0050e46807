"""API keys: the rules for creating, listing and deleting them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.auth import keys
from headrace.db import api_keys, tables
from headrace.db.quotas import Quota
from headrace.errors import BadRequestError, NotFoundError

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.auth.authenticator import Authenticator
    from headrace.db.database import Database


@dataclass(frozen=True, slots=True)
class CreatedApiKey:
    """A new API key: its text, which is never stored, and its row."""

    key: str
    row: RowMapping


class ApiKeyService:
    """Reads and writes the API keys of each owner."""

    def __init__(self, database: Database, authenticator: Authenticator | None = None, *, max_keys: int) -> None:
        """Create the service.

        Args:
            database: the database with the keys.
            authenticator: counts the uses of keys; None in a process that authenticates nobody.
            max_keys: the maximum number of keys of an owner.

        """
        self._database = database
        self._authenticator = authenticator
        self._quota = Quota(tables.api_keys, "API keys", max_keys, "HEADRACE_MAX_API_KEYS")

    async def create_api_key(
        self, owner: UUID, name: str | None = None, expires_at: datetime | None = None
    ) -> CreatedApiKey:
        """Create an API key. Its text exists only in the result.

        Raises:
            BadRequestError: `expires_at` is in the past.

        """
        if expires_at is not None and expires_at <= datetime.now(UTC):
            raise BadRequestError(
                "expires_at is in the past. Send a time in the future, or null for a key without end."
            )
        key = keys.generate_key()

        async def create(connection: AsyncConnection) -> RowMapping:
            await self._quota.check(connection, owner)
            return await api_keys.add(connection, owner, name, keys.prefix(key), keys.digest(key), expires_at)

        return CreatedApiKey(key, await self._database.write(create))

    async def list_api_keys(self, owner: UUID) -> Sequence[RowMapping]:
        """Return the owner's API keys with current use counts, oldest first."""
        if self._authenticator is not None:
            await self._authenticator.flush_usage()
        async with self._database.connect() as connection:
            return await api_keys.list_(connection, owner)

    async def delete_api_key(self, owner: UUID, key_id: UUID) -> None:
        """Delete one of the owner's API keys; the next request with it is refused.

        Raises:
            NotFoundError: The owner has no such key.

        """
        if await self._database.write(lambda c: api_keys.remove(c, owner, key_id)) is None:
            raise NotFoundError("API Key not found")
