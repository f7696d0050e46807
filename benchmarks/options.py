"""The options that all parts of the benchmarks share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.databases import postgres_database


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """How long and how often to measure, and on which databases."""

    #: Length of each load.
    seconds: float
    #: Loads per figure; headrace and the limit alternate, and medians are printed.
    rounds: int
    #: Runs over which the growth of memory is measured.
    runs: int
    #: Messages in the larger of the two databases from which pages are read.
    messages: int
    #: The URL of a PostgreSQL server where databases can be created, or None to leave PostgreSQL out.
    postgres_url: str | None
    with_sqlite: bool

    @property
    def databases(self) -> tuple[str, ...]:
        """The names of the databases to measure."""
        names = {"SQLite": self.with_sqlite, "PostgreSQL": self.postgres_url is not None}
        return tuple(name for name, is_measured in names.items() if is_measured)

    @contextlib.contextmanager
    def create_database(self, name: str) -> Iterator[str | None]:
        """Yield the URL of a new PostgreSQL database, or None for SQLite."""
        if name == "SQLite" or self.postgres_url is None:
            yield None
            return
        with postgres_database(self.postgres_url) as url:
            yield url
