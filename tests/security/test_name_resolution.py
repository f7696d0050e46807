"""Names whose servers do not respond delay only the user who looks them up."""

from __future__ import annotations

import asyncio
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from headrace.net.name_resolver import NameLookupError, NameResolver
from tests.security.conftest import StartServer
from tests.support.flow_builder import model_flow
from tests.support.flows import create_flow
from tests.support.model_server import KEY
from tests.support.name_server import can_replace_name_servers, silent_name_server, with_name_server
from tests.support.probe import AttackedServer
from tests.support.waiting import until

pytestmark = pytest.mark.any_database

#: Lookups that wait for a name server, more than the threads for lookups of a process.
SILENT_NAMES = 48
#: Observations of the bystander after which the attack is in full progress.
ROUNDS_OF_ATTACK = 10
#: A bystander's run may take this long. Without shares it takes half a minute.
MAX_SECONDS = 3.0


def create_model_flow(server: AttackedServer, headers: dict[str, str], base_url: str) -> str:
    with server.client(headers) as client:
        return create_flow(client, model_flow(base_url, KEY))


def run_flow(client: httpx2.Client, flow_id: str) -> httpx2.Response:
    return client.post(f"/api/v1/run/{flow_id}", json={"input_value": "hello"})


@pytest.mark.skipif(not can_replace_name_servers(), reason="needs root and unshare to replace /etc/resolv.conf")
def test_silent_name_servers_delay_only_the_user_who_asks_them(
    start_server: StartServer, tmp_path: Path, model_url: str
) -> None:
    by_name = model_url.replace("127.0.0.1", "localhost")
    with (
        silent_name_server(tmp_path) as file,
        start_server(
            before=with_name_server(file),
            LANGFLOW_SSRF_ALLOWED_HOSTS="localhost",
            HEADRACE_NAME_LOOKUP_SECONDS="3",
        ) as server,
    ):
        count = SILENT_NAMES * server.processes
        silent = [f"http://{uuid.uuid4()}.example/v1" for _ in range(SILENT_NAMES)]
        attacking = [create_model_flow(server, server.attacker, url) for url in silent] * server.processes
        flow_id = create_model_flow(server, server.bystander, by_name)
        warm_up = create_model_flow(server, server.attacker, "http://localhost:1/v1")
        # The first run of a model imports its client.
        for client in server.clients_of_each_process(server.attacker):
            run_flow(client, warm_up)
        bystanders = server.clients_of_each_process(server.bystander)
        with (
            server.client(server.attacker) as attacker,
            ThreadPoolExecutor(count) as threads,
            server.observe() as observation,
        ):
            attacks = [threads.submit(run_flow, attacker, attack) for attack in attacking]
            until(lambda: observation.rounds > ROUNDS_OF_ATTACK)
            answers = []
            for bystander in bystanders:
                started = time.monotonic()
                answers.append((run_flow(bystander, flow_id), time.monotonic() - started))
            refused = [attack.result() for attack in attacks]
    observation.assert_available()
    for answer, seconds in answers:
        assert answer.status_code == 200, answer.text
        assert seconds < MAX_SECONDS
    assert {attack.status_code for attack in refused} == {500}


def test_a_literal_address_needs_no_lookup_and_an_impossible_name_fails_at_once() -> None:
    async def resolve(host: str) -> list[str]:
        return await NameResolver(1, 0.5).resolve(host, 80)

    assert asyncio.run(resolve("192.0.2.1")) == ["192.0.2.1"]
    assert asyncio.run(resolve("0x7f000001")) == ["127.0.0.1"]
    assert asyncio.run(resolve("2001:db8::1")) == ["2001:db8::1"]
    for name in ("x" * 10_000, "a..b", f"{'y' * 64}.example"):
        with pytest.raises(NameLookupError):
            asyncio.run(resolve(name))
