"""One user or visitor cannot take all slots for runs, background runs and event streams."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import httpx2
import pytest

from tests.support.blocking_component import sleeping_flow
from tests.support.flow_builder import FlowBuilder, echo_flow
from tests.support.flows import create_flow
from tests.support.probe import AttackedServer
from tests.support.server_pool import FromFixture
from tests.support.waiting import until

#: Longer than any of these tests.
BLOCKED_SECONDS = 60
MAX_RUNS = 10
pytestmark = [
    pytest.mark.server(LANGFLOW_COMPONENTS_PATH=FromFixture("components_path")),
    pytest.mark.usefixtures("new_attacker"),
]


def start_builds(client: httpx2.Client, path: str, count: int) -> list[httpx2.Response]:
    return [client.post(path, params={"event_delivery": "polling"}, json={}) for _ in range(count)]


def limit_reached(responses: list[httpx2.Response]) -> httpx2.Response:
    """Return the first refused response, and check that the others started."""
    refused = [response for response in responses if response.status_code == 429]
    assert refused, [response.status_code for response in responses]
    assert {response.status_code for response in responses} == {200, 429}
    return refused[0]


@pytest.mark.server(HEADRACE_MAX_RUNS=str(MAX_RUNS))
def test_a_user_leaves_run_slots_to_others(server: AttackedServer) -> None:
    with server.client(server.attacker) as client:
        flow_id = create_flow(client, sleeping_flow(BLOCKED_SECONDS))
    responses: list[httpx2.Response] = []
    with server.observe() as observation:
        for client in server.clients_of_each_process(server.attacker):
            responses += start_builds(client, f"/api/v1/build/{flow_id}/flow", 4 * MAX_RUNS)
    observation.assert_available()
    detail = limit_reached(responses).json()["detail"]
    assert detail.startswith("You have 8 runs active"), detail
    assert "HEADRACE_MAX_RUNS" in detail
    assert sum(response.status_code == 200 for response in responses) == 8 * server.processes


# A server of its own: the runs of the test above are still active.
@pytest.mark.server(HEADRACE_MAX_RUNS=str(MAX_RUNS), HEADRACE_MAX_JOBS="6")
def test_a_visitor_with_many_cookies_leaves_run_slots_to_the_owner_and_to_others(server: AttackedServer) -> None:
    with server.client(server.admin) as owner:
        flow_id = create_flow(owner, sleeping_flow(BLOCKED_SECONDS), access_type="PUBLIC")
        own_flow_id = create_flow(owner, echo_flow())
        responses = []
        for number in range(2 * MAX_RUNS):
            for visitor in server.clients_of_each_process({"cookie": f"client_id=visitor-{number}"}):
                responses += start_builds(visitor, f"/api/v1/build_public_tmp/{flow_id}/flow", 1)
        with server.observe() as observation:
            for client in server.clients_of_each_process(server.admin):
                response = client.post(f"/api/v1/run/{own_flow_id}", json={"input_value": "x"})
                assert response.status_code == 200, response.text
    observation.assert_available()
    assert "You have" in limit_reached(responses).json()["detail"]


def webhook_flow(seconds: float) -> dict[str, object]:
    data = sleeping_flow(seconds)
    webhook = FlowBuilder().node("Webhook", "Webhook-w").data["nodes"][0]
    return {**data, "nodes": [webhook, *data["nodes"]]}


@pytest.mark.server(HEADRACE_MAX_JOBS="5")
def test_waiting_jobs_of_one_user_do_not_delay_those_of_others(server: AttackedServer) -> None:
    with server.client(server.attacker) as client:
        flow_id = create_flow(client, webhook_flow(BLOCKED_SECONDS))
        for _ in range(8 * server.processes):
            assert client.post(f"/api/v1/webhook/{flow_id}", content=b"x").status_code == 202
        until(lambda: len(client.get("/api/v1/jobs", params={"status": "running"}).json()) >= 4 * server.processes)
    with server.client(server.bystander) as client:
        flow_id = create_flow(client, webhook_flow(0))
        job_id = client.post(f"/api/v1/webhook/{flow_id}", content=b"x").json()["job_id"]
        until(lambda: client.get(f"/api/v1/jobs/{job_id}").json()["status"] == "succeeded")


@contextlib.contextmanager
def following(server: AttackedServer, path: str, count: int) -> Iterator[list[int]]:
    """Open `count` event streams to each process that stay open during the block, and yield their statuses."""
    statuses: list[int] = []
    ended = threading.Event()

    def follow(client: httpx2.Client) -> None:
        with contextlib.closing(client), client.stream("GET", path) as response:
            statuses.append(response.status_code)
            ended.wait(20)

    clients = [client for _ in range(count) for client in server.clients_of_each_process(server.attacker)]
    threads = [threading.Thread(target=follow, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(statuses) == len(clients))
        yield statuses
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@pytest.mark.server(HEADRACE_MAX_EVENT_STREAMS="5")
def test_a_user_leaves_event_streams_to_others(server: AttackedServer) -> None:
    with server.client(server.attacker) as client:
        flow_id = create_flow(client, sleeping_flow(BLOCKED_SECONDS))
        job_id = start_builds(client, f"/api/v1/build/{flow_id}/flow", 1)[0].json()["job_id"]
        with following(server, f"/api/v1/build/{job_id}/events", 8) as statuses:
            assert sorted(statuses) == sorted(([200] * 4 + [429] * 4) * server.processes)
            refused = client.get(f"/api/v1/build/{job_id}/events")
            assert refused.json()["detail"].startswith("You have 4 event streams open"), refused.text
            with server.client(server.bystander) as other:
                other_id = start_builds(other, f"/api/v1/build/{server.flow_id}/flow", 1)[0].json()["job_id"]
                assert other.get(f"/api/v1/build/{other_id}/events").status_code == 200
        # The slots of closed streams are free again.
        until(lambda: not_refused(client, f"/api/v1/build/{job_id}/events"))


def not_refused(client: httpx2.Client, path: str) -> bool:
    with client.stream("GET", path) as response:
        return response.status_code == 200
