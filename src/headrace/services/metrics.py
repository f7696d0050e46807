"""Figures of the server: who may read them, and where they come from."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from headrace.db import jobs
from headrace.metrics.exposition import format_snapshot
from headrace.metrics.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import SecretStr

    from headrace.db.database import Database
    from headrace.metrics.counters import ServerCounters
    from headrace.metrics.process_files import ProcessFiles


class MetricsService:
    """Collects the figures of all processes of this server."""

    def __init__(
        self,
        counters: ServerCounters,
        gauges: Mapping[str, Callable[[], int]],
        database: Database,
        files: ProcessFiles | None,
        token: SecretStr | None,
    ) -> None:
        """Create the service.

        Args:
            counters: What has happened in this process.
            gauges: Present values of this process by name.
            database: Has the waiting jobs.
            files: The figures of the other processes; None for a single process.
            token: The token of collectors; None if only superusers may read the figures.

        """
        self._counters = counters
        self._gauges = gauges
        self._database = database
        self._files = files
        self._token = token.get_secret_value() if token is not None else ""

    def is_token(self, text: str) -> bool:
        """Return whether a text is the token of collectors."""
        return bool(self._token) and hmac.compare_digest(text.encode(), self._token.encode())

    def take_snapshot(self) -> Snapshot:
        """Return the figures of this process."""
        return Snapshot.take(self._counters, {"processes": 1, **{name: read() for name, read in self._gauges.items()}})

    async def format(self) -> bytes:
        """Return the figures of all processes in the text format of Prometheus."""
        others = self._files.read_others() if self._files is not None else []
        total = Snapshot.total([self.take_snapshot(), *others])
        async with self._database.connect() as connection:
            total.gauges["waiting_jobs"] = await jobs.count_waiting(connection)
        return format_snapshot(total)
