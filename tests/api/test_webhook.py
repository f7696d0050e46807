"""Webhooks: who may start a flow, payloads, signatures, repeated calls and jobs after a restart."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import signal
import uuid
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.clients import log_in, signed_in
from tests.support.flow_builder import FlowBuilder, echo_flow, model_flow
from tests.support.flows import create_flow
from tests.support.model_server import KEY, NEVER
from tests.support.process import free_port, start
from tests.support.server import serving
from tests.support.waiting import until

TEXT = {"mode": "Stringify"}


def webhook_flow(**values: Any) -> dict[str, Any]:
    """Return a flow that writes the payload as JSON to its chat output."""
    return (
        FlowBuilder()
        .node("Webhook", "Webhook-w", **values)
        .node("ParserComponent", "Parser-p", **TEXT)
        .node("ChatOutput", "ChatOutput-b")
        .edge("Webhook-w", "output_data", "Parser-p", "input_data")
        .edge("Parser-p", "parsed_text", "ChatOutput-b", "input_value")
        .data
    )


def payload_of(message: str) -> Any:
    """Return the payload in the text of a message, which is a Data value as a fenced JSON block."""
    return json.loads(message.removeprefix("```json\n").removesuffix("\n```"))


def wait_for_messages(client: httpx2.Client, flow_id: str, count: int = 1) -> list[str]:
    """Return the texts of a flow's messages as soon as it has at least `count` of them."""

    def poll() -> list[str]:
        messages = client.get("/api/v1/monitor/messages", params={"flow_id": flow_id}).json()
        return [m["text"] for m in messages] if len(messages) >= count else []

    return list(until(poll))


def wait_for_job(client: httpx2.Client, job_id: str) -> dict[str, Any]:
    """Return a job as soon as it has ended."""

    def poll() -> dict[str, Any] | None:
        job: dict[str, Any] = client.get(f"/api/v1/jobs/{job_id}").json()
        return job if job["ended_at"] else None

    return dict(until(poll))


def test_an_anonymous_caller_starts_a_flow_with_a_webhook(client: httpx2.Client, anonymous: httpx2.Client) -> None:
    name = f"hook-{uuid.uuid4()}"
    flow_id = create_flow(client, webhook_flow(), endpoint_name=name)
    response = anonymous.post(f"/api/v1/webhook/{name}", json={"order": 7})
    assert response.status_code == 202
    assert response.json().items() >= {"message": "Task started in the background", "status": "in progress"}.items()
    assert payload_of(wait_for_messages(client, flow_id)[0]) == {"order": 7}
    assert wait_for_job(client, response.json()["job_id"])["status"] == "succeeded"
    builds = client.get("/api/v1/monitor/builds", params={"flow_id": flow_id}).json()["vertex_builds"]
    assert set(builds) == {"Webhook-w", "Parser-p", "ChatOutput-b"}


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"{}", "", {}),
        (b"plain words", "text/plain", {"payload": "plain words"}),
        (b"a=1&b=2", "application/x-www-form-urlencoded", {"payload": "a=1&b=2"}),
        (b"<a>\xc3\xa9</a>", "application/xml", {"payload": "<a>é</a>"}),
        (b"[1, 2]", "application/json", {"payload": [1, 2]}),
        (b'{"broken', "application/json", {"payload": '{"broken'}),
        (
            b"\xff\x00",
            "image/png",
            {"payload": base64.b64encode(b"\xff\x00").decode(), "encoding": "base64", "content_type": "image/png"},
        ),
    ],
)
def test_payloads_of_any_content_type_reach_the_flow(
    client: httpx2.Client, anonymous: httpx2.Client, body: bytes, content_type: str, expected: object
) -> None:
    flow_id = create_flow(client, webhook_flow())
    response = anonymous.post(f"/api/v1/webhook/{flow_id}", content=body, headers={"content-type": content_type})
    assert response.status_code == 202
    assert payload_of(wait_for_messages(client, flow_id)[0]) == expected


def test_a_call_without_a_body_is_refused(client: httpx2.Client, anonymous: httpx2.Client) -> None:
    flow_id = create_flow(client, webhook_flow())
    for caller in (client, anonymous):
        response = caller.post(f"/api/v1/webhook/{flow_id}")
        assert (response.status_code, "empty" in response.json()["detail"]) == (400, True)
    assert anonymous.post(f"/api/v1/webhook/{uuid.uuid4()}").status_code == 404


def test_only_the_owner_starts_a_flow_without_a_webhook(client: httpx2.Client, anonymous: httpx2.Client) -> None:
    flow_id = create_flow(client, echo_flow())
    rejected = anonymous.post(f"/api/v1/webhook/{flow_id}", content=b"hello")
    missing = anonymous.post(f"/api/v1/webhook/{uuid.uuid4()}", content=b"hello")
    assert rejected.status_code == missing.status_code == 404
    assert client.post(f"/api/v1/webhook/{flow_id}", content=b"hello").status_code == 202
    assert wait_for_messages(client, flow_id, 2) == ["hello", "hello"]


def test_with_authentication_enabled_only_the_owners_key_starts_a_flow(
    database_url: str | None, tmp_path: Path
) -> None:
    with signed_in(create_app(settings_for(tmp_path, database_url, webhook_auth_enable=True))) as client:
        flow_id = create_flow(client, webhook_flow())
        address = f"{str(client.base_url).rstrip('/')}/api/v1/webhook/{flow_id}"
        assert httpx2.post(address, json={}).status_code == 403
        assert httpx2.post(address, json={}, headers={"x-api-key": "sk-nobody"}).status_code == 403
        key = client.post("/api/v1/api_key/", json={"name": "hook"}).json()["api_key"]
        assert httpx2.post(address, json={}, headers={"x-api-key": key}).status_code == 202
        assert httpx2.post(f"{address}?x-api-key={key}", json={}).status_code == 202
        token = client.headers["authorization"].removeprefix("Bearer ")
        for path in (address, f"{address}-missing"):
            # A login is not enough, and nothing is said about the flow.
            for headers in ({"cookie": f"access_token_lf={token}"}, {"authorization": f"Bearer {token}"}):
                refused = httpx2.post(path, json={}, headers=headers)
                assert (refused.status_code, refused.json()) == (
                    403,
                    {"detail": "An API key must be passed as query or header"},
                )
        assert client.get("/api/v1/config").json()["webhook_auth_enable"] is True


def test_a_flow_with_a_secret_rejects_calls_without_a_valid_signature(
    client: httpx2.Client, anonymous: httpx2.Client
) -> None:
    flow_id = create_flow(client, webhook_flow(signature_secret="swordfish"))
    body = b'{"amount": 1}'
    digest = hmac.new(b"swordfish", body, hashlib.sha256).hexdigest()
    address = f"/api/v1/webhook/{flow_id}"
    for signature in (None, "", f"sha256={'0' * 64}", digest, "sha256=é"):
        headers: dict[bytes, bytes] = {} if signature is None else {b"x-hub-signature-256": signature.encode()}
        assert anonymous.post(address, content=body, headers=headers).status_code == 401, signature
    changed = anonymous.post(address, content=b'{"amount": 9}', headers={"x-hub-signature-256": f"sha256={digest}"})
    assert changed.status_code == 401
    assert "swordfish" not in changed.text
    assert anonymous.post(address, content=body, headers={"x-hub-signature-256": f"sha256={digest}"}).status_code == 202


@pytest.mark.parametrize("header", ["Idempotency-Key", "webhook-id", "X-GitHub-Delivery"])
def test_a_repeated_call_with_the_same_key_runs_once(
    client: httpx2.Client, anonymous: httpx2.Client, header: str
) -> None:
    flow_id = create_flow(client, webhook_flow())
    first, second = (
        anonymous.post(f"/api/v1/webhook/{flow_id}", json={"n": 1}, headers={header: "delivery-1"}) for _ in range(2)
    )
    assert first.json()["job_id"] == second.json()["job_id"]
    other = anonymous.post(f"/api/v1/webhook/{flow_id}", json={"n": 2}, headers={header: "delivery-1"})
    assert other.status_code == 422
    wait_for_job(client, first.json()["job_id"])
    assert len(wait_for_messages(client, flow_id)) == 1


def test_the_owner_reads_the_error_of_a_failed_job(client: httpx2.Client, anonymous: httpx2.Client) -> None:
    flow_id = create_flow(client, webhook_flow())
    data = webhook_flow()
    next(n for n in data["nodes"] if n["id"] == "Parser-p")["data"]["node"]["template"]["mode"]["value"] = "Parser"
    next(n for n in data["nodes"] if n["id"] == "Parser-p")["data"]["node"]["template"]["pattern"]["value"] = "{"
    client.patch(f"/api/v1/flows/{flow_id}", json={"data": data})
    job = wait_for_job(client, anonymous.post(f"/api/v1/webhook/{flow_id}", json={}).json()["job_id"])
    assert job["status"] == "failed"
    assert "Parser" in job["error"]
    listed = client.get("/api/v1/jobs", params={"flow_id": flow_id, "status": "failed"}).json()
    assert [j["id"] for j in listed] == [job["id"]]


def test_only_the_owner_learns_why_a_flow_is_invalid(client: httpx2.Client, anonymous: httpx2.Client) -> None:
    data = webhook_flow()
    data["nodes"][1]["data"]["type"] = "OfAnotherServer"
    del data["nodes"][1]["data"]["node"]["template"]["code"]
    flow_id = create_flow(client, data)
    anonymous_response, owner_response = (c.post(f"/api/v1/webhook/{flow_id}", json={}) for c in (anonymous, client))
    assert anonymous_response.status_code == owner_response.status_code == 400
    assert "OfAnotherServer" not in anonymous_response.text
    assert "OfAnotherServer" in owner_response.text


def test_calls_beyond_the_rate_limit_are_rejected(database_url: str | None, tmp_path: Path) -> None:
    with signed_in(create_app(settings_for(tmp_path, database_url, webhooks_per_minute=2))) as client:
        flow_id = create_flow(client, webhook_flow())
        statuses = [client.post(f"/api/v1/webhook/{flow_id}", json={}) for _ in range(3)]
        assert [a.status_code for a in statuses] == [202, 202, 429]
        assert int(statuses[-1].headers["retry-after"]) > 0


def test_calls_beyond_the_limit_of_waiting_jobs_are_rejected(
    database_url: str | None, tmp_path: Path, model_url: str
) -> None:
    app = create_app(settings_for(tmp_path, database_url, max_jobs=1, max_waiting_jobs=2))
    with signed_in(app) as client:
        flow_id = create_flow(client, model_flow(model_url, KEY))
        responses = [client.post(f"/api/v1/webhook/{flow_id}", content=NEVER) for _ in range(6)]
        assert {a.status_code for a in responses} == {202, 429}
        assert "HEADRACE_MAX_WAITING_JOBS" in responses[-1].json()["detail"]


def test_jobs_accepted_by_a_killed_server_run_after_a_restart(database_url: str | None, tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    process = start(port, tmp_path, database_url, HEADRACE_MAX_JOBS="1", HEADRACE_JOB_LEASE="2")
    try:
        with httpx2.Client(base_url=base, headers=log_in(base)) as client:
            flow_id = create_flow(client, webhook_flow())
            responses = [client.post(f"/api/v1/webhook/{flow_id}", json={"n": n}) for n in range(40)]
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert {a.status_code for a in responses} == {202}
    process = start(port, tmp_path, database_url, HEADRACE_JOB_LEASE="2")
    try:
        with httpx2.Client(base_url=base, headers=log_in(base)) as client:
            for response in responses:
                assert wait_for_job(client, response.json()["job_id"])["status"] == "succeeded"
            texts = [m["text"] for m in client.get("/api/v1/monitor/messages", params={"flow_id": flow_id}).json()]
            assert {payload_of(t)["n"] for t in texts} == set(range(40))
    finally:
        process.terminate()
        process.wait(20)


def test_two_servers_on_one_database_run_each_job_once(database_url: str | None, tmp_path: Path) -> None:
    if database_url is None:
        pytest.skip("an SQLite database supports a single server")
    first, second = (create_app(settings_for(tmp_path, database_url)) for _ in range(2))
    with serving(first) as first_url, serving(second) as other:
        headers = log_in(first_url)
        with httpx2.Client(base_url=first_url, headers=headers) as client, httpx2.Client(base_url=other) as anonymous:
            flow_id = create_flow(client, webhook_flow())
            for n in range(30):
                assert (client, anonymous)[n % 2].post(f"/api/v1/webhook/{flow_id}", json={"n": n}).status_code == 202
            until(lambda: not client.get("/api/v1/jobs", params={"status": "queued", "flow_id": flow_id}).json())
            until(lambda: not client.get("/api/v1/jobs", params={"status": "running", "flow_id": flow_id}).json())
            assert sorted(payload_of(t)["n"] for t in wait_for_messages(client, flow_id)) == list(range(30))
