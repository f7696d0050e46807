"""What the server retains for a user is limited in bytes, and does not displace what it retains for others."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.security.shared_settings import ONE_JOB, SMALL_QUOTAS, SMALL_VALUES
from tests.support.flow_builder import FlowBuilder, echo_flow
from tests.support.flows import create_flow
from tests.support.hostile_model import SILENT, hostile_model_app
from tests.support.probe import AttackedServer
from tests.support.server import serving
from tests.support.waiting import until

#: Each build contains its input several times, so that these builds are larger than the server retains.
BUILD_COUNT, INPUT_CHARACTERS = 70, 1_000_000
pytestmark = pytest.mark.usefixtures("new_attacker")


def _build(client: httpx2.Client, flow_id: str, text: str) -> str:
    """Build a flow and return the id of the build after its end."""
    body = {"inputs": {"input_value": text}}
    job = client.post(f"/api/v1/build/{flow_id}/flow", params={"log_builds": False}, json=body).json()["job_id"]
    with client.stream("GET", f"/api/v1/build/{job}/events") as response:
        for _ in response.iter_raw():
            pass
    return str(job)


def test_builds_of_a_user_do_not_displace_those_of_another(server: AttackedServer) -> None:
    with server.client(server.attacker) as attacker, server.client(server.bystander) as bystander:
        job = _build(bystander, server.flow_id, "hello")
        flow_id = create_flow(attacker, echo_flow())
        with server.observe() as observation:
            for _ in range(BUILD_COUNT):
                _build(attacker, flow_id, "x" * INPUT_CHARACTERS)
        events = bystander.get(f"/api/v1/build/{job}/events", params={"event_delivery": "polling", "offset": 0})
    assert '"event":"end"' in events.text
    # The events of all builds would take more than 350 MB.
    observation.assert_memory(280 << 20)


@pytest.mark.server(**SMALL_VALUES)
def test_a_build_that_is_too_large_is_stopped_and_names_the_setting(server: AttackedServer) -> None:
    with server.client(server.attacker) as client:
        flow_id = create_flow(client, echo_flow())
        job = _build(client, flow_id, "x" * 500_000)
        events = client.get(f"/api/v1/build/{job}/events", params={"event_delivery": "polling", "offset": 0}).text
        assert "HEADRACE_MAX_BUILD_BYTES" in events
        assert '"event":"end"' in events


def test_a_long_build_can_be_polled_in_parts(server: AttackedServer) -> None:
    with server.client(server.attacker) as client:
        flow_id = create_flow(client, echo_flow())
        job = _build(client, flow_id, "x" * 900_000)
        streamed = client.get(f"/api/v1/build/{job}/events").content
        parts: list[bytes] = []

        def poll() -> bool:
            # An answer may be empty: lines reach the other processes a moment after those who stream them.
            parts.append(client.get(f"/api/v1/build/{job}/events", params={"event_delivery": "polling"}).content)
            return b'"event":"end"' in parts[-1]

        until(poll, 60)
        polled = b"".join(parts)
        assert all(len(part) < 10_000_000 for part in parts)
        assert polled == streamed
        assert len(polled) > 5_000_000


def _frozen_flow() -> dict[str, Any]:
    data = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("Prompt Template", "Prompt-p", template="{x}" * 1000, x="")
        .node("Prompt Template", "Prompt-q", template="ok")
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "Prompt-p", "x")
        .edge("Prompt-p", "prompt", "Prompt-q", "tool_placeholder")
        .edge("Prompt-q", "prompt", "ChatOutput-b", "input_value")
        .data
    )
    next(n for n in data["nodes"] if n["id"] == "Prompt-p")["data"]["node"]["frozen"] = True
    return data


@pytest.mark.server(**SMALL_VALUES)
def test_results_of_frozen_components_take_limited_memory(server: AttackedServer) -> None:
    with server.client(server.attacker) as client:
        flow_id = create_flow(client, _frozen_flow())
        with server.observe() as observation:
            for number in range(100):
                text = f"{number:0>2000}"
                assert client.post(f"/api/v1/run/{flow_id}", json={"input_value": text}).status_code == 200
    # 100 results of 2 MB.
    observation.assert_memory(100 << 20)


@pytest.mark.server(**ONE_JOB)
def test_waiting_webhook_payloads_are_limited_in_bytes(server: AttackedServer) -> None:
    with (
        serving(hostile_model_app()) as model,
        server.client(server.attacker) as owner,
        server.client() as anonymous,
    ):
        options = {"model_name": SILENT, "openai_api_base": f"{model}/v1", "api_key": "sk-test"}
        data = (
            FlowBuilder()
            .node("Webhook", "Webhook-w")
            .node("ParserComponent", "Parser-p", mode="Stringify")
            .node("OpenAIModel", "OpenAIModel-m", **options)
            .edge("Webhook-w", "output_data", "Parser-p", "input_data")
            .edge("Parser-p", "parsed_text", "OpenAIModel-m", "input_value")
            .data
        )
        flow_id = create_flow(owner, data)
        # Each process runs one job, and two of these wait.
        count = 6 + 2 * server.processes
        responses = [anonymous.post(f"/api/v1/webhook/{flow_id}", json={"text": "x" * 400_000}) for _ in range(count)]
        refused = [response for response in responses if response.status_code == 429]
        jobs = owner.get("/api/v1/jobs", params={"flow_id": flow_id}).json()
    assert len(refused) >= 4
    assert "HEADRACE_MAX_WAITING_JOB_BYTES" in refused[0].text
    assert len(jobs) == count - len(refused)


@pytest.mark.server(**SMALL_QUOTAS)
def test_a_user_may_store_a_limited_number_of_objects_and_bytes(server: AttackedServer) -> None:
    with server.client(server.attacker) as client, server.client(server.bystander) as bystander:

        def refused(send: Any) -> str:
            """Return the setting in the first refusal of a request that is repeated."""
            for number in range(8):
                response = send(number)
                if response.status_code == 409:
                    return str(response.json()["detail"]).rpartition(" raise ")[2].rstrip(".")
                assert response.status_code in {200, 201}, response.text
            raise AssertionError("nothing was refused")

        settings_named = [
            refused(lambda n: client.post("/api/v1/flows/", json={"name": f"flow {n}", "data": {}})),
            refused(lambda n: client.post("/api/v1/projects/", json={"name": f"project {n}"})),
            refused(
                lambda n: client.post("/api/v1/variables/", json={"name": f"v{n}", "value": "x", "default_fields": []})
            ),
            refused(lambda n: client.post("/api/v1/api_key/", json={"name": f"key {n}"})),
            refused(lambda n: client.post("/api/v2/files", files={"file": (f"{n}.txt", b"x" * 400_000)})),
        ]
        for entry in client.get("/api/v2/files").json():
            client.delete(f"/api/v2/files/{entry['id']}")
        settings_named.append(refused(lambda n: client.post("/api/v2/files", files={"file": (f"{n}.txt", b"x")})))
        assert create_flow(bystander, echo_flow())
    assert settings_named == [
        "HEADRACE_MAX_FLOWS",
        "HEADRACE_MAX_PROJECTS",
        "HEADRACE_MAX_VARIABLES",
        "HEADRACE_MAX_API_KEYS",
        "HEADRACE_MAX_USER_STORAGE_MIB",
        "HEADRACE_MAX_FILES",
    ]
