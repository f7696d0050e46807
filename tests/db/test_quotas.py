"""Several servers that share a database keep the quotas of a user together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx2
import pytest

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.clients import signed_in
from tests.support.flow_builder import model_flow
from tests.support.flows import create_flow
from tests.support.model_server import KEY, NEVER
from tests.support.server import serving
from tests.support.waiting import until
from tests.support.write_lock import overlapping_statuses

MAX_CONVERSATIONS = 5
ITEM = {"role": "user", "content": "x" * 9000}
MAX_ITEMS = 11
MAX_FILES = 2


@pytest.fixture
def url(own_database_url: str | None, tmp_path: Path) -> str:
    """Return the URL of the database that the servers share."""
    return own_database_url or f"sqlite:///{tmp_path / 'shared.db'}"


@pytest.fixture
def servers(url: str, tmp_path: Path) -> Iterator[list[httpx2.Client]]:
    """Yield clients of one user on several servers with one database."""
    settings = settings_for(
        tmp_path,
        url,
        secret_key="k" * 32,
        workers=3,
        max_conversations=MAX_CONVERSATIONS,
        max_files=MAX_FILES,
        max_jobs=1,
        max_waiting_jobs=1,
        max_conversation_bytes=MAX_ITEMS * 9500,
    )
    with ExitStack() as stack:
        first = stack.enter_context(signed_in(create_app(settings)))
        others = [stack.enter_context(serving(create_app(settings))) for _ in range(2)]
        yield [
            first,
            *(stack.enter_context(httpx2.Client(base_url=o, headers=dict(first.headers), timeout=60)) for o in others),
        ]


def create_conversation(client: httpx2.Client) -> httpx2.Response:
    return client.post("/v1/conversations", json={})


def upload(client: httpx2.Client, name: str) -> httpx2.Response:
    return client.post("/api/v2/files", files={"file": (f"{name}.txt", b"x")})


def add_item(client: httpx2.Client, conversation_id: str) -> httpx2.Response:
    return client.post(f"/v1/conversations/{conversation_id}/items", json={"items": [ITEM]})


def test_requests_to_several_servers_do_not_exceed_the_number_of_conversations(
    servers: list[httpx2.Client], url: str
) -> None:
    for _ in range(MAX_CONVERSATIONS - 1):
        assert create_conversation(servers[0]).status_code == 200
    statuses = overlapping_statuses(url, ["conversation"], servers, lambda client, _: create_conversation(client))
    assert statuses == [200, 409, 409]


def test_requests_to_several_servers_do_not_exceed_the_size_of_conversations(
    servers: list[httpx2.Client], url: str
) -> None:
    ids = [create_conversation(servers[0]).json()["id"] for _ in servers]
    for _ in range(MAX_ITEMS - 1):
        assert add_item(servers[0], ids[0]).status_code == 200
    tables = ["conversation", "conversation_item"]
    statuses = overlapping_statuses(url, tables, servers, lambda client, n: add_item(client, ids[n]))
    assert statuses == [200, 409, 409]


def test_uploads_to_several_servers_do_not_exceed_the_number_of_files(servers: list[httpx2.Client], url: str) -> None:
    for n in range(MAX_FILES - 1):
        assert upload(servers[0], f"before-{n}").status_code == 201
    statuses = overlapping_statuses(url, ["file"], servers, lambda client, n: upload(client, str(n)))
    assert statuses == [201, 409, 409]


def test_webhooks_of_several_servers_do_not_exceed_the_number_of_waiting_jobs(
    servers: list[httpx2.Client], url: str, model_url: str
) -> None:
    flow = create_flow(servers[0], model_flow(model_url, KEY))
    for _ in servers:
        # Each server runs one, so that further jobs wait.
        job_id = servers[0].post(f"/api/v1/webhook/{flow}", content=NEVER).json()["job_id"]
        until(partial(is_running, servers[0], job_id))
    statuses = overlapping_statuses(
        url, ["job"], servers, lambda client, _: client.post(f"/api/v1/webhook/{flow}", content=NEVER)
    )
    assert statuses == [202, 429, 429]


def is_running(client: httpx2.Client, job_id: str) -> bool:
    return bool(client.get(f"/api/v1/jobs/{job_id}").json()["status"] == "running")
