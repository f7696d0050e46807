"""The flows of a deactivated user stop: public builds, webhooks, calls by key, and jobs that wait."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.security.shared_settings import ONE_JOB
from tests.support.flow_builder import FlowBuilder, echo_flow, model_flow
from tests.support.flows import create_flow
from tests.support.probe import AttackedServer
from tests.support.waiting import until

VISITOR = {"cookie": "client_id=visitor"}
pytestmark = pytest.mark.usefixtures("new_attacker")


def webhook_flow(model_url: str | None = None) -> dict[str, Any]:
    """Return a flow that answers a webhook call with its payload, or with a model's answer."""
    flow = FlowBuilder().node("Webhook", "Webhook-w").node("ParserComponent", "Parser-p", mode="Stringify")
    flow.node("ChatOutput", "ChatOutput-b").edge("Webhook-w", "output_data", "Parser-p", "input_data")
    if model_url is None:
        return flow.edge("Parser-p", "parsed_text", "ChatOutput-b", "input_value").data
    flow.node("OpenAIModel", "OpenAIModel-m", openai_api_base=model_url, api_key="sk-x", max_retries=0)
    flow.edge("Parser-p", "parsed_text", "OpenAIModel-m", "input_value")
    return flow.edge("OpenAIModel-m", "text_output", "ChatOutput-b", "input_value").data


def user_id(server: AttackedServer) -> str:
    """Return the id of the user who is deactivated."""
    with server.client(server.attacker) as client:
        return str(client.get("/api/v1/users/whoami").json()["id"])


def set_active(server: AttackedServer, user: str, *, is_active: bool) -> None:
    with server.client(server.admin) as admin:
        assert admin.patch(f"/api/v1/users/{user}", json={"is_active": is_active}).status_code == 200


def test_an_active_run_of_a_deactivated_user_stops(server: AttackedServer) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent_model,
        ThreadPoolExecutor(1) as pool,
        server.client(server.attacker) as ada,
    ):
        flow = create_flow(ada, model_flow(f"http://127.0.0.1:{silent_model.getsockname()[1]}/v1", "sk-x"))
        active = pool.submit(ada.post, f"/api/v1/run/{flow}", json={"input_value": "x"})
        connection, _address = silent_model.accept()
        set_active(server, user_id(server), is_active=False)
        stopped = active.result(20)
        assert (stopped.status_code, "not active" in stopped.text) == (403, True)
        connection.close()


@pytest.mark.server(**ONE_JOB)
def test_the_flows_of_a_deactivated_user_stop(server: AttackedServer) -> None:
    ada_id = user_id(server)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent_model,
        server.client() as anyone,
        server.client(server.admin) as admin,
    ):
        with server.client(server.attacker) as ada:
            flow = create_flow(ada, echo_flow(), access_type="PUBLIC")
            hook = create_flow(ada, webhook_flow())
            key = {"x-api-key": ada.post("/api/v1/api_key/", json={}).json()["api_key"]}

        def statuses() -> list[int]:
            body = {"input_value": "x"}
            return [
                anyone.get(f"/api/v1/flows/public_flow/{flow}").status_code,
                anyone.post(f"/api/v1/build_public_tmp/{flow}/flow", json={}, headers=VISITOR).status_code,
                anyone.post(f"/api/v1/webhook/{hook}", json={"n": 1}).status_code,
                anyone.post(f"/api/v1/run/{flow}", json=body, headers=key).status_code,
            ]

        assert statuses() == [200, 200, 202, 200]
        # Jobs of the administrator wait for a model, and occupy the only place for a job of each process.
        occupied = create_flow(admin, webhook_flow(f"http://127.0.0.1:{silent_model.getsockname()[1]}/v1"))
        connections = []
        for _ in range(server.processes):
            admin.post(f"/api/v1/webhook/{occupied}", json={})
            connections.append(silent_model.accept()[0])
        waiting = anyone.post(f"/api/v1/webhook/{hook}", json={"n": 2})
        assert waiting.status_code == 202
        set_active(server, ada_id, is_active=False)
        until(lambda: statuses() == [403, 403, 404, 403])
        for connection in connections:
            connection.close()
        until(lambda: len(jobs_of(admin, occupied, "failed")) == server.processes)
        # Jobs run in turn, so the one that waited has been tried once each process has run another job of the administrator.
        last = create_flow(admin, webhook_flow())
        for _ in range(server.processes):
            admin.post(f"/api/v1/webhook/{last}", json={})
        until(lambda: len(jobs_of(admin, last, "succeeded")) == server.processes)
        set_active(server, ada_id, is_active=True)
        with server.client(key) as ada:
            until(lambda: ada.get("/api/v1/jobs").status_code == 200)
            # A process that does not know yet that the user is not active accepts calls, too.
            *waited, first = jobs_of(ada, hook)
            assert {(job["status"], "not found" in job["error"]) for job in waited} == {("failed", True)}
            assert first["status"] == "succeeded"
            texts = [m["text"] for m in ada.get("/api/v1/monitor/messages", params={"flow_id": hook}).json()]
            assert len(texts) == 1, texts
        until(lambda: statuses() == [200, 200, 202, 200])


def jobs_of(client: httpx2.Client, flow_id: str, status: str | None = None) -> list[dict[str, Any]]:
    """Return the jobs of a flow, newest first."""
    params = {"flow_id": flow_id, **({"status": status} if status else {})}
    return list(client.get("/api/v1/jobs", params=params).json())
