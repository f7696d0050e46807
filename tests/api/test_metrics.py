"""The figures of several server processes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import httpx2

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.clients import signed_in
from tests.support.server import serving
from tests.support.waiting import until


def _counts_both(client: httpx2.Client) -> bool:
    return "headrace_processes 2.0" in client.get("/metrics").text


def test_processes_with_equal_ids_that_share_a_folder_are_counted_each(
    database_url: str | None, tmp_path: Path
) -> None:
    # As in two containers with a common volume, both servers have the same process id.
    database_url = database_url or f"sqlite:///{tmp_path / 'shared.db'}"
    settings = settings_for(tmp_path, database_url, secret_key="k" * 32, workers=2)
    with (
        signed_in(create_app(settings)) as first,
        serving(create_app(settings)) as other,
        httpx2.Client(base_url=other, headers=dict(first.headers)) as second,
    ):
        for client in (first, second):
            until(partial(_counts_both, client))
