"""The users whose flows may use the secrets of the server's environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.db import users
from headrace.db.changes import Change, Topic
from headrace.db.lookup_cache import LookupCache

if TYPE_CHECKING:
    from headrace.db.database import Database
    from headrace.settings.variables import VariableSettings

#: Words in the list of user names: superusers, who are always included, and all users.
SUPERUSER = "superuser"
EVERYONE = "everyone"
#: Users in memory.
MAX_CACHED_USERS = 10_000


@dataclass(frozen=True, slots=True)
class _Access:
    is_allowed: bool


class EnvironmentAccess:
    """Decides whether the flows of a user may use the secrets of the environment."""

    def __init__(self, database: Database, settings: VariableSettings) -> None:
        """Create the rule.

        Args:
            database: the database with the users.
            settings: lists the users.

        """
        self._database = database
        self._everyone = EVERYONE in settings.environment_users
        self._names = frozenset(settings.environment_users) - {SUPERUSER, EVERYONE}
        #: Whether a secret that its owner has not stored is read from the environment.
        self.reads_process_environment = settings.fallback_to_environment
        self._users: LookupCache[UUID, _Access] = LookupCache(
            database.changes,
            depends_on=lambda user, _: (Change(Topic.USER, str(user)),),
            max_entries=MAX_CACHED_USERS,
        )

    async def is_allowed(self, user: UUID) -> bool:
        """Return whether a user's flows may use the secrets."""
        if self._everyone:
            return True

        async def load() -> _Access | None:
            async with self._database.connect() as connection:
                row = await users.get(connection, user)
            return None if row is None else _Access(row["is_superuser"] or row["username"] in self._names)

        access = await self._users.get(user, load)
        return access is not None and access.is_allowed
