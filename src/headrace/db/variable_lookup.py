"""Caches variables with their encrypted values, which most runs look up by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.db import variables
from headrace.db.changes import Change, Topic
from headrace.db.lookup_cache import LookupCache

if TYPE_CHECKING:
    from headrace.db.database import Database

#: Variables in memory, over all owners, including names that an owner has not defined.
MAX_CACHED_VARIABLES = 10_000


@dataclass(frozen=True, slots=True)
class StoredVariable:
    """A variable of an owner.

    Attributes:
        encrypted: the encrypted value.
        is_readable: whether the owner can read the value in the list of variables.
        from_environment: whether the value was copied from the server's environment.

    """

    encrypted: str
    is_readable: bool
    from_environment: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    #: None if the owner has no variable of this name. Cached, because flows may use a variable of the environment.
    variable: StoredVariable | None


class VariableLookup:
    """Looks up variables by owner and name."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._values: LookupCache[tuple[UUID, str], _Entry] = LookupCache(
            database.changes,
            depends_on=lambda key, _value: (Change(Topic.VARIABLE, str(key[0])), Change(Topic.USER, str(key[0]))),
            max_entries=MAX_CACHED_VARIABLES,
        )

    async def get(self, owner: UUID, name: str) -> StoredVariable | None:
        """Return one of the owner's variables, or None if it does not exist."""

        async def load() -> _Entry:
            async with self._database.connect() as connection:
                row = await variables.get_by_name(connection, owner, name)
            if row is None:
                return _Entry(None)
            return _Entry(StoredVariable(row["value"], row["type"] == variables.GENERIC, row["from_environment"]))

        entry = await self._values.get((owner, name), load)
        return entry.variable if entry is not None else None
