"""Runs that compute for a long time leave the event loop to others, and end."""

from __future__ import annotations

import threading

import httpx2
import pytest

from tests.security.shared_settings import BEHIND_PROXY, SHORT_RUNS, SMALL_QUOTAS
from tests.support.flows import create_flow
from tests.support.long_flows import loop_flow
from tests.support.probe import AttackedServer
from tests.support.waiting import until

pytestmark = pytest.mark.any_database

ATTACKING_RUNS = 8


def run_at_once(server: AttackedServer, flow_id: str, runs: int) -> list[int]:
    """Start runs at the same time and return their statuses."""
    statuses: list[int] = []

    def run() -> None:
        with server.client(server.attacker) as client:
            statuses.append(client.post(f"/api/v1/run/{flow_id}", json={"input_value": "x"}).status_code)

    threads = [threading.Thread(target=run) for _ in range(runs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


@pytest.mark.server(**SHORT_RUNS)
def test_loops_of_one_user_neither_delay_others_nor_outlive_the_time_limit(server: AttackedServer) -> None:
    with server.client(server.attacker) as client:
        flow_id = create_flow(client, loop_flow(4000, 40))
    with server.observe() as observation:
        statuses = run_at_once(server, flow_id, ATTACKING_RUNS)
    observation.assert_available()
    assert statuses == [504] * ATTACKING_RUNS


@pytest.mark.server(**SMALL_QUOTAS)
def test_a_run_executes_a_limited_number_of_components(server: AttackedServer) -> None:
    with server.client(server.attacker) as client:
        small, large = (create_flow(client, loop_flow(items, 2)) for items in (10, 100))
        assert (r := client.post(f"/api/v1/run/{small}", json={"input_value": "x"})).status_code == 200, r.text
        response = client.post(f"/api/v1/run/{large}", json={"input_value": "x"})
    assert response.status_code == 500
    assert "100 component executions of a run" in response.text
    assert "HEADRACE_MAX_COMPONENT_EXECUTIONS" in response.text


@pytest.mark.server(**BEHIND_PROXY)
def test_a_disconnected_client_ends_a_run_that_computes(server: AttackedServer) -> None:
    with server.client(server.attacker) as client:
        flow_id = create_flow(client, loop_flow(4000, 40))
    body = {"input_value": "x"}
    for client in server.clients_of_each_process(server.attacker):
        with pytest.raises(httpx2.TimeoutException):
            client.post(f"/api/v1/run/{flow_id}", json=body, timeout=0.5)
    for client in server.clients_of_each_process(server.bystander):
        # The only run slot of the process is free again.
        until(lambda: client.post(f"/api/v1/run/{server.flow_id}", json=body).status_code == 200)  # noqa: B023
