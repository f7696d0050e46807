"""Webhooks: accepted at once, done for sure, and only for those who may."""

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
from tests.clients import log_in, signed_in
from tests.conftest import settings_for
from tests.flow_builder import FlowBuilder, echo_flow, model_flow
from tests.model_server import KEY, NEVER
from tests.process import free_port, start
from tests.server import serving
from tests.waiting import until

TEXT = {"mode": "Stringify"}


def webhook_flow(**values: Any) -> dict[str, Any]:
    """What is sent, as JSON, into the chat's output."""
    return (
        FlowBuilder()
        .node("Webhook", "Webhook-w", **values)
        .node("ParserComponent", "Parser-p", **TEXT)
        .node("ChatOutput", "ChatOutput-b")
        .edge("Webhook-w", "output_data", "Parser-p", "input_data")
        .edge("Parser-p", "parsed_text", "ChatOutput-b", "input_value")
        .data
    )


def saved(client: httpx2.Client, data: dict[str, Any], name: str | None = None) -> str:
    body = {"name": f"flow {uuid.uuid4()}", "data": data, "endpoint_name": name}
    return str(client.post("/api/v1/flows/", json=body).json()["id"])


def said(client: httpx2.Client, flow_id: str, count: int = 1) -> list[str]:
    """Return what a flow said, once it has said so much."""

    def look() -> list[str]:
        found = client.get("/api/v1/monitor/messages", params={"flow_id": flow_id}).json()
        return [m["text"] for m in found] if len(found) >= count else []

    return list(until(look))


def job_of(client: httpx2.Client, job_id: str) -> dict[str, Any]:
    """Return a job once it has ended."""

    def look() -> dict[str, Any] | None:
        job: dict[str, Any] = client.get(f"/api/v1/jobs/{job_id}").json()
        return job if job["ended_at"] else None

    return dict(until(look))


def test_a_stranger_begins_a_flow_that_holds_a_webhook_and_is_answered_at_once(
    client: httpx2.Client, anyone: httpx2.Client
) -> None:
    name = f"hook-{uuid.uuid4()}"
    flow_id = saved(client, webhook_flow(), name)
    answer = anyone.post(f"/api/v1/webhook/{name}", json={"order": 7})
    assert answer.status_code == 202
    assert answer.json().items() >= {"message": "Task started in the background", "status": "in progress"}.items()
    assert json.loads(said(client, flow_id)[0]) == {"order": 7}
    assert job_of(client, answer.json()["job_id"])["status"] == "succeeded"
    builds = client.get("/api/v1/monitor/builds", params={"flow_id": flow_id}).json()["vertex_builds"]
    assert set(builds) == {"Webhook-w", "Parser-p", "ChatOutput-b"}


@pytest.mark.parametrize(
    ("body", "content_type", "arrives"),
    [
        (b"", "", {}),
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
def test_any_content_arrives(
    client: httpx2.Client, anyone: httpx2.Client, body: bytes, content_type: str, arrives: object
) -> None:
    flow_id = saved(client, webhook_flow())
    answer = anyone.post(f"/api/v1/webhook/{flow_id}", content=body, headers={"content-type": content_type})
    assert answer.status_code == 202
    assert json.loads(said(client, flow_id)[0]) == arrives


def test_a_flow_without_a_webhook_is_begun_by_its_owner_alone(client: httpx2.Client, anyone: httpx2.Client) -> None:
    flow_id = saved(client, echo_flow())
    refused = anyone.post(f"/api/v1/webhook/{flow_id}", content=b"hello")
    missing = anyone.post(f"/api/v1/webhook/{uuid.uuid4()}", content=b"hello")
    assert refused.status_code == missing.status_code == 404
    assert client.post(f"/api/v1/webhook/{flow_id}", content=b"hello").status_code == 202
    assert said(client, flow_id, 2) == ["hello", "hello"]


def test_with_authentication_only_the_owners_key_begins_a_flow(database_url: str | None, tmp_path: Path) -> None:
    with signed_in(create_app(settings_for(tmp_path, database_url, webhook_auth_enable=True))) as client:
        flow_id = saved(client, webhook_flow())
        address = f"{str(client.base_url).rstrip('/')}/api/v1/webhook/{flow_id}"
        assert httpx2.post(address, json={}).status_code == 403
        assert httpx2.post(address, json={}, headers={"x-api-key": "sk-nobody"}).status_code == 403
        key = client.post("/api/v1/api_key/", json={"name": "hook"}).json()["api_key"]
        assert httpx2.post(address, json={}, headers={"x-api-key": key}).status_code == 202
        assert client.get("/api/v1/config").json()["webhook_auth_enable"] is True


def test_a_flow_with_a_secret_refuses_calls_that_are_not_signed_with_it(
    client: httpx2.Client, anyone: httpx2.Client
) -> None:
    flow_id = saved(client, webhook_flow(signature_secret="swordfish"))
    body = b'{"amount": 1}'
    digest = hmac.new(b"swordfish", body, hashlib.sha256).hexdigest()
    address = f"/api/v1/webhook/{flow_id}"
    for signature in (None, "", f"sha256={'0' * 64}", digest, "sha256=é"):
        headers = {} if signature is None else {"x-hub-signature-256": signature.encode()}
        assert anyone.post(address, content=body, headers=headers).status_code == 401, signature
    changed = anyone.post(address, content=b'{"amount": 9}', headers={"x-hub-signature-256": f"sha256={digest}"})
    assert changed.status_code == 401
    assert "swordfish" not in changed.text
    assert anyone.post(address, content=body, headers={"x-hub-signature-256": f"sha256={digest}"}).status_code == 202


@pytest.mark.parametrize("header", ["Idempotency-Key", "webhook-id", "X-GitHub-Delivery"])
def test_a_call_that_comes_twice_is_run_once(client: httpx2.Client, anyone: httpx2.Client, header: str) -> None:
    flow_id = saved(client, webhook_flow())
    first, second = (
        anyone.post(f"/api/v1/webhook/{flow_id}", json={"n": 1}, headers={header: "delivery-1"}) for _ in range(2)
    )
    assert first.json()["job_id"] == second.json()["job_id"]
    other = anyone.post(f"/api/v1/webhook/{flow_id}", json={"n": 2}, headers={header: "delivery-1"})
    assert other.status_code == 422
    job_of(client, first.json()["job_id"])
    assert len(said(client, flow_id)) == 1


def test_a_run_that_fails_tells_its_owner_why(client: httpx2.Client, anyone: httpx2.Client) -> None:
    flow_id = saved(client, webhook_flow())
    data = webhook_flow()
    next(n for n in data["nodes"] if n["id"] == "Parser-p")["data"]["node"]["template"]["mode"]["value"] = "Parser"
    next(n for n in data["nodes"] if n["id"] == "Parser-p")["data"]["node"]["template"]["pattern"]["value"] = "{"
    client.patch(f"/api/v1/flows/{flow_id}", json={"data": data})
    job = job_of(client, anyone.post(f"/api/v1/webhook/{flow_id}", json={}).json()["job_id"])
    assert job["status"] == "failed"
    assert "Parser" in job["error"]
    listed = client.get("/api/v1/jobs", params={"flow_id": flow_id, "status": "failed"}).json()
    assert [j["id"] for j in listed] == [job["id"]]


def test_a_stranger_is_not_told_why_a_flow_cannot_be_run(client: httpx2.Client, anyone: httpx2.Client) -> None:
    data = webhook_flow()
    data["nodes"][1]["data"]["type"] = "OfAnotherServer"
    flow_id = saved(client, data)
    stranger, owner = (c.post(f"/api/v1/webhook/{flow_id}", json={}) for c in (anyone, client))
    assert stranger.status_code == owner.status_code == 400
    assert "OfAnotherServer" not in stranger.text
    assert "OfAnotherServer" in owner.text


def test_too_many_calls_are_refused_at_once(database_url: str | None, tmp_path: Path) -> None:
    with signed_in(create_app(settings_for(tmp_path, database_url, webhooks_per_minute=2))) as client:
        flow_id = saved(client, webhook_flow())
        statuses = [client.post(f"/api/v1/webhook/{flow_id}", json={}) for _ in range(3)]
        assert [a.status_code for a in statuses] == [202, 202, 429]
        assert int(statuses[-1].headers["retry-after"]) > 0


def test_so_many_runs_may_wait_and_no_more(database_url: str | None, tmp_path: Path, model_url: str) -> None:
    app = create_app(settings_for(tmp_path, database_url, max_jobs=1, max_waiting_jobs=2))
    with signed_in(app) as client:
        flow_id = saved(client, model_flow(model_url, KEY))
        answers = [client.post(f"/api/v1/webhook/{flow_id}", content=NEVER) for _ in range(6)]
        assert {a.status_code for a in answers} == {202, 429}
        assert "HEADRACE_MAX_WAITING_JOBS" in answers[-1].json()["detail"]


def test_what_a_killed_server_accepted_is_run_by_the_next(database_url: str | None, tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    process = start(port, tmp_path, database_url, HEADRACE_MAX_JOBS="1", HEADRACE_JOB_LEASE="2")
    try:
        with httpx2.Client(base_url=base, headers=log_in(base)) as client:
            flow_id = saved(client, webhook_flow())
            accepted = [client.post(f"/api/v1/webhook/{flow_id}", json={"n": n}) for n in range(40)]
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert {a.status_code for a in accepted} == {202}
    process = start(port, tmp_path, database_url, HEADRACE_JOB_LEASE="2")
    try:
        with httpx2.Client(base_url=base, headers=log_in(base)) as client:
            for answer in accepted:
                assert job_of(client, answer.json()["job_id"])["status"] == "succeeded"
            texts = [m["text"] for m in client.get("/api/v1/monitor/messages", params={"flow_id": flow_id}).json()]
            assert {json.loads(t)["n"] for t in texts} == set(range(40))
    finally:
        process.terminate()
        process.wait(20)


def test_two_servers_on_one_database_share_the_work_and_do_each_job_once(
    database_url: str | None, tmp_path: Path
) -> None:
    if database_url is None:
        pytest.skip("an SQLite database belongs to one server")
    first, second = (create_app(settings_for(tmp_path, database_url)) for _ in range(2))
    with serving(first) as one, serving(second) as other:
        headers = log_in(one)
        with httpx2.Client(base_url=one, headers=headers) as client, httpx2.Client(base_url=other) as stranger:
            flow_id = saved(client, webhook_flow())
            for n in range(30):
                assert (client, stranger)[n % 2].post(f"/api/v1/webhook/{flow_id}", json={"n": n}).status_code == 202
            until(lambda: not client.get("/api/v1/jobs", params={"status": "queued", "flow_id": flow_id}).json())
            until(lambda: not client.get("/api/v1/jobs", params={"status": "running", "flow_id": flow_id}).json())
            assert sorted(json.loads(t)["n"] for t in said(client, flow_id)) == list(range(30))
