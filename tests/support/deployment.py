"""The deployments that attacks run against: a database, and a number of server processes that share it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.databases import postgres_database


@dataclass(frozen=True, slots=True)
class Deployment:
    """A way to run the server."""

    database: str
    processes: int

    def __str__(self) -> str:
        return f"{self.database}-{self.processes}"

    @contextlib.contextmanager
    def new_database(self) -> Iterator[str | None]:
        """Yield None for SQLite, or the URL of a new PostgreSQL database."""
        if self.database == "sqlite":
            yield None
            return
        with postgres_database() as url:
            yield url


#: `make test` runs attacks on these, and those with the mark `any_database` on the first.
DEFAULT_DEPLOYMENTS = (Deployment("sqlite", 1), Deployment("postgresql", 1))
#: `make test-attacks` runs every attack on these. With three processes, the tests need more than two cores.
ALL_DEPLOYMENTS = (*DEFAULT_DEPLOYMENTS, Deployment("sqlite", 3), Deployment("postgresql", 3))
