"""Several servers that share a database keep the quotas of a user together."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.clients import signed_in
from tests.support.server import serving

MAX_CONVERSATIONS = 5
ITEM = {"role": "user", "content": "x" * 9000}


@pytest.fixture
def servers(own_database_url: str | None, tmp_path: Path) -> Iterator[list[httpx2.Client]]:
    """Yield clients of one user on several servers with one database."""
    url = own_database_url or f"sqlite:///{tmp_path / 'shared.db'}"
    settings = settings_for(
        tmp_path,
        url,
        secret_key="k" * 32,
        workers=3,
        max_conversations=MAX_CONVERSATIONS,
        max_conversation_bytes=100_000,
    )
    with ExitStack() as stack:
        first = stack.enter_context(signed_in(create_app(settings)))
        others = [stack.enter_context(serving(create_app(settings))) for _ in range(2)]
        yield [
            first,
            *(stack.enter_context(httpx2.Client(base_url=o, headers=dict(first.headers), timeout=60)) for o in others),
        ]


def test_parallel_requests_to_several_servers_do_not_exceed_the_number_of_conversations(
    servers: list[httpx2.Client],
) -> None:
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda n: servers[n % 3].post("/v1/conversations", json={}).status_code, range(60)))
    assert sorted(answers) == [200] * MAX_CONVERSATIONS + [409] * (60 - MAX_CONVERSATIONS)


def test_parallel_requests_to_several_servers_do_not_exceed_the_size_of_conversations(
    servers: list[httpx2.Client],
) -> None:
    paths = [f"/v1/conversations/{servers[0].post('/v1/conversations', json={}).json()['id']}/items" for _ in range(5)]
    with ThreadPoolExecutor(30) as pool:
        answers = pool.map(lambda n: servers[n % 3].post(paths[n % 5], json={"items": [ITEM]}).status_code, range(60))
        stored = list(answers).count(200)
    assert 8 <= stored <= 100_000 // len(ITEM["content"])
