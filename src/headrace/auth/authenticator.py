"""Resolves credentials to users, and counts the use of API keys without a write per request."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.auth import keys
from headrace.auth.errors import ExpiredKeyError, InactiveTokenUserError, InvalidKeyError, InvalidTokenError
from headrace.db import api_keys, login_sessions, users
from headrace.db.changes import Change, Topic
from headrace.db.lookup_cache import LookupCache

if TYPE_CHECKING:
    from headrace.auth.tokens import Tokens
    from headrace.db.database import Database

#: The maximum number of API keys in memory; an entry takes about 500 bytes.
MAX_CACHED_KEYS = 10_000
#: The maximum number of login sessions in memory; an entry takes about 500 bytes.
MAX_CACHED_SESSIONS = 10_000


@dataclass(frozen=True, slots=True)
class User:
    """The user that a request acts for.

    Attributes:
        id: the user's id.
        username: the user's name.
        is_superuser: whether the user administers the server.
        session_id: the login session of the request's token; None for an API key.
        password_at: the time at which the user entered the password in this session; None if the user did not.

    """

    id: UUID
    username: str
    is_superuser: bool
    session_id: UUID | None = None
    password_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _CachedKey:
    user: User
    key_id: UUID
    expires_at: datetime | None


class Authenticator:
    """Resolves the credentials of requests."""

    def __init__(self, database: Database, tokens: Tokens, *, count_uses: bool = True) -> None:
        self._database = database
        self._tokens = tokens
        self._count_uses = count_uses
        self._keys: LookupCache[str, _CachedKey] = LookupCache(
            database.changes,
            depends_on=lambda _digest, key: (
                Change(Topic.API_KEY, str(key.user.id)),
                Change(Topic.USER, str(key.user.id)),
            ),
            max_entries=MAX_CACHED_KEYS,
            expires_at=lambda key: key.expires_at,
        )
        #: The users of sessions that have not ended. The end of a session is a change of its user.
        self._sessions: LookupCache[UUID, User] = LookupCache(
            database.changes,
            depends_on=lambda _session, user: (Change(Topic.USER, str(user.id)),),
            max_entries=MAX_CACHED_SESSIONS,
        )
        self._uses: Counter[UUID] = Counter()

    async def authenticate_key(self, key: str) -> User:
        """Return the owner of an API key.

        Raises:
            InvalidKeyError: no active user has this key.
            ExpiredKeyError: the key has expired.

        """
        digest = keys.digest(key)
        found = await self._keys.get(digest, lambda: self._load_key(digest))
        if found is None:
            raise InvalidKeyError
        if self._count_uses:
            self._uses[found.key_id] += 1
        return found.user

    async def _load_key(self, digest: str) -> _CachedKey | None:
        async with self._database.connect() as connection:
            row = await api_keys.get_user(connection, digest)
        if row is None:
            return None
        if row["expires_at"] is not None and row["expires_at"] <= datetime.now(UTC):
            raise ExpiredKeyError(row["expires_at"])
        return _CachedKey(User(row["id"], row["username"], row["is_superuser"]), row["key_id"], row["expires_at"])

    async def authenticate_token(self, token: str) -> User:
        """Return the user of an access token.

        Raises:
            InvalidTokenError: the token is not valid, or its session has ended.
            InactiveTokenUserError: the user is missing or inactive.

        """
        claims = self._tokens.verify_access(token)
        user = await self._sessions.get(claims.session_id, partial(self._load_session, claims.session_id))
        if user is not None:
            return user
        async with self._database.connect() as connection:
            row = await users.get(connection, claims.user_id)
        raise InvalidTokenError if row is not None and row["is_active"] else InactiveTokenUserError

    async def _load_session(self, session_id: UUID) -> User | None:
        async with self._database.connect() as connection:
            row = await login_sessions.get_user(connection, session_id)
        if row is None:
            return None
        return User(row["id"], row["username"], row["is_superuser"], session_id, row["password_at"])

    async def flush_usage(self) -> None:
        """Store the use counts collected since the last call."""
        uses, self._uses = dict(self._uses), Counter()
        if uses:
            now = datetime.now(UTC)
            try:
                await self._database.write(lambda connection: api_keys.count_uses(connection, uses, now))
            except BaseException:
                self._uses.update(uses)
                raise
