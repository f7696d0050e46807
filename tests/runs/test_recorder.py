"""The results that the monitor stores, within the limits of the settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.clients import log_in
from tests.support.flow_builder import echo_flow
from tests.support.server import serving

#: An echo flow has two vertices, and a transaction for the end of each.
TRANSACTIONS_PER_BUILD = 2


@contextmanager
def server_with_limits(folder: Path, database_url: str | None, *, builds: int, transactions: int) -> Iterator[Monitor]:
    settings = settings_for(
        folder,
        database_url,
        max_vertex_builds_per_vertex=builds,
        max_transactions_to_keep=transactions,
    )
    with (
        serving(create_app(settings)) as base_url,
        httpx2.Client(base_url=base_url, headers=log_in(base_url), timeout=30) as client,
    ):
        yield Monitor(client)


class Monitor:
    """A flow on a server, and what the monitor shows of it."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client
        body = {"name": "recorded", "data": echo_flow()}
        self._flow_id = client.post("/api/v1/flows/", json=body).json()["id"]

    def build(self, text: str) -> None:
        """Build the flow and follow its events to their end."""
        url = f"/api/v1/build/{self._flow_id}/flow"
        answer = self._client.post(
            url, params={"event_delivery": "direct"}, json={"inputs": {"input_value": text, "session": "s"}}
        )
        assert '"end"' in answer.text

    def transaction_count(self) -> int:
        """Return how many transactions are stored."""
        page = self._client.get("/api/v1/monitor/transactions", params={"flow_id": self._flow_id}).json()
        return int(page["total"])

    def input_texts(self) -> list[str]:
        """Return the texts of the stored builds of the chat input, oldest first."""
        page = self._client.get("/api/v1/monitor/builds", params={"flow_id": self._flow_id}).json()
        return [row["data"]["results"]["message"]["text"] for row in page["vertex_builds"]["ChatInput-a"]]


def test_the_newest_builds_of_a_vertex_are_stored(database_url: str | None, tmp_path: Path) -> None:
    with server_with_limits(tmp_path, database_url, builds=3, transactions=100) as monitor:
        for number in range(5):
            monitor.build(f"text {number}")
        assert monitor.input_texts() == ["text 2", "text 3", "text 4"]


def test_transactions_beyond_a_small_limit_are_deleted_with_every_run(database_url: str | None, tmp_path: Path) -> None:
    with server_with_limits(tmp_path, database_url, builds=2, transactions=3) as monitor:
        for _ in range(3):
            monitor.build("text")
        assert monitor.transaction_count() == 3


def test_transactions_exceed_a_large_limit_by_a_twentieth_at_most(database_url: str | None, tmp_path: Path) -> None:
    limit = 40
    with server_with_limits(tmp_path, database_url, builds=2, transactions=limit) as monitor:
        counts: list[int] = []
        for _ in range(limit // TRANSACTIONS_PER_BUILD + 5):
            monitor.build("text")
            counts.append(monitor.transaction_count())
        assert limit < max(counts) <= limit * 1.05
        assert counts[: limit // TRANSACTIONS_PER_BUILD] == list(range(2, limit + 1, TRANSACTIONS_PER_BUILD))
