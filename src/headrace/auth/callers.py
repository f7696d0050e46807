"""Turns credentials into a caller, and counts the use of API keys without a write per request."""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.auth import keys
from headrace.auth.errors import ExpiredKeyError, InvalidKeyError, InvalidTokenError
from headrace.store import api_keys, users

if TYPE_CHECKING:
    from headrace.auth.tokens import Tokens
    from headrace.store.store import Store

#: A remembered key is looked up again after so many seconds, in case another program changed the database.
REMEMBER_SECONDS = 1.0
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling."""

    id: UUID
    username: str
    is_superuser: bool


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    key_id: UUID
    until: float


class Callers:
    """Resolves the credentials of requests."""

    def __init__(self, store: Store, tokens: Tokens, *, count_uses: bool = True) -> None:
        self._store = store
        self._tokens = tokens
        self._count_uses = count_uses
        self._known: dict[str, _Known] = {}
        self._uses: Counter[UUID] = Counter()

    async def by_key(self, key: str) -> Caller:
        """Return the owner of an API key.

        Raises:
            InvalidKeyError: no active user has this key.

        """
        digest = keys.digest(key)
        known = self._known.get(digest)
        if known is None or known.until < time.monotonic():
            known = await self._look_up(digest)
        if self._count_uses:
            self._uses[known.key_id] += 1
        return known.caller

    async def _look_up(self, digest: str) -> _Known:
        async with self._store.reading() as connection:
            row = await api_keys.user_of(connection, digest)
        left = math.inf
        if row is not None and row["expires_at"] is not None:
            left = (row["expires_at"] - datetime.now(UTC)).total_seconds()
        if row is None or left <= 0:
            self._known.pop(digest, None)
            raise InvalidKeyError if row is None else ExpiredKeyError(row["expires_at"])
        known = _Known(
            Caller(row["id"], row["username"], row["is_superuser"]),
            row["key_id"],
            time.monotonic() + min(REMEMBER_SECONDS, left),
        )
        if self._store.sole_writer and len(self._known) < _MOST_REMEMBERED:
            self._known[digest] = known
        return known

    def forget_key(self, digest: str) -> None:
        """Stop knowing a key that was deleted."""
        self._known.pop(digest, None)

    def forget_user(self, user_id: UUID) -> None:
        """Look a user up again: they were changed or deleted."""
        for digest in [d for d, known in self._known.items() if known.caller.id == user_id]:
            del self._known[digest]

    async def by_token(self, token: str) -> Caller:
        """Return the user of an access token.

        Raises:
            InvalidTokenError: the token is no good, or its user is gone or inactive.

        """
        user_id = self._tokens.read(token, "access")
        async with self._store.reading() as connection:
            row = await users.by_id(connection, user_id)
        if row is None or not row["is_active"]:
            raise InvalidTokenError
        return Caller(row["id"], row["username"], row["is_superuser"])

    async def save_uses(self) -> None:
        """Write the use counts gathered since the last call."""
        uses, self._uses = dict(self._uses), Counter()
        if uses:
            now = datetime.now(UTC)
            await self._store.write(lambda connection: api_keys.count_uses(connection, uses, now))
