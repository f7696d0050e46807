"""Builds: runs that an editor follows, and builds of public flows by visitors."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.clients import signed_in
from tests.support.flow_builder import FlowBuilder, echo_flow, model_flow
from tests.support.flows import create_flow
from tests.support.model_server import KEY, NEVER
from tests.support.waiting import until


def build_body(text: str, **values: Any) -> dict[str, Any]:
    return {"inputs": {"input_value": text, "session": str(uuid.uuid4())}, **values}


def start_build(client: httpx2.Client, flow: str, body: dict[str, Any], **params: Any) -> str:
    response = client.post(f"/api/v1/build/{flow}/flow", json=body, params=params)
    assert response.status_code == 200, response.text
    return str(response.json()["job_id"])


def parse_events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.split("\n\n") if line]


def read_events(client: httpx2.Client, job: str, **params: Any) -> list[dict[str, Any]]:
    response = client.get(f"/api/v1/build/{job}/events", params=params)
    assert response.headers["content-type"] == "application/x-ndjson"
    return parse_events(response.text)


def event_names(events: list[dict[str, Any]]) -> list[str]:
    return [e["event"] for e in events]


ECHO = ["vertices_sorted", "add_message", "end_vertex", "add_message", "end_vertex", "end"]


def test_a_build_emits_events_in_the_recorded_order(client: httpx2.Client) -> None:
    flow = create_flow(client, echo_flow())
    body = build_body("built")
    events = read_events(client, start_build(client, flow, body))
    assert event_names(events) == ECHO
    assert events[0]["data"] == {"ids": ["ChatInput-a"], "to_run": ["ChatInput-a", "ChatOutput-b"]}
    assert (events[1]["data"]["text"], events[1]["data"]["session_id"]) == ("built", body["inputs"]["session"])
    first = events[2]["data"]["build_data"]
    assert first["next_vertices_ids"] == first["top_level_vertices"] == ["ChatOutput-b"]
    assert (first["id"], first["valid"], first["inactivated_vertices"]) == ("ChatInput-a", True, [])
    assert first["params"] == "- Files: []\n  Message: built\n  Sender: User\n  Sender Name: User\n  Type: object\n"
    assert first["data"]["outputs"] == {"message": {"message": "built", "type": "text"}}
    assert first["data"]["results"]["message"]["text"] == "built"
    assert events[-1]["data"] == {}


def test_tokens_precede_the_end_of_their_vertex(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, model_flow(model_url, KEY, stream=True))
    events = read_events(client, start_build(client, flow, build_body("ahoy")))
    ended = {e["data"]["build_data"]["id"]: i for i, e in enumerate(events) if e["event"] == "end_vertex"}
    tokens = [i for i, e in enumerate(events) if e["event"] == "token"]
    assert tokens
    assert max(tokens) < ended["OpenAIModel-m"] < ended["ChatOutput-b"]
    text = events[ended["OpenAIModel-m"]]["data"]["build_data"]["data"]["outputs"]["text_output"]["message"]
    assert text == "".join(events[i]["data"]["chunk"] for i in tokens)


def test_all_deliveries_return_the_same_events(client: httpx2.Client) -> None:
    flow = create_flow(client, echo_flow())
    job = start_build(client, flow, build_body("x"))
    polled: list[dict[str, Any]] = []
    deadline = time.monotonic() + 20
    while not polled or polled[-1]["event"] != "end":
        polled += read_events(client, job, event_delivery="polling")
        assert time.monotonic() < deadline
    assert read_events(client, job, event_delivery="polling") == []
    assert polled == read_events(client, job)
    direct = client.post(f"/api/v1/build/{flow}/flow", json=build_body("x"), params={"event_delivery": "direct"})
    assert event_names(parse_events(direct.text)) == ECHO


def test_a_client_continues_reading_from_an_offset(client: httpx2.Client) -> None:
    job = start_build(client, create_flow(client, echo_flow()), build_body("x"))
    all_events = read_events(client, job)
    for offset in range(len(all_events) + 1):
        assert read_events(client, job, offset=offset) == all_events[offset:]
        assert read_events(client, job, offset=offset, event_delivery="polling") == all_events[offset:]


def waiting_model_flow(model_url: str) -> dict[str, Any]:
    return model_flow(model_url, KEY)


def test_a_cancelled_build_ends_with_a_cancelled_event(client: httpx2.Client, model_url: str) -> None:
    job = start_build(client, create_flow(client, waiting_model_flow(model_url)), build_body(NEVER))
    response = client.post(f"/api/v1/build/{job}/cancel")
    assert response.json() == {"success": True, "message": "Flow build cancelled successfully"}
    events = read_events(client, job)
    assert events[-1] == {"event": "end", "data": {"cancelled": True}}
    assert event_names(events).count("end") == 1
    assert client.post(f"/api/v1/build/{job}/cancel").status_code == 200


def wait_for_model(model_url: str, path: str) -> None:
    deadline = time.monotonic() + 20
    while not httpx2.get(model_url.removesuffix("/v1") + path).json():
        assert time.monotonic() < deadline


def test_a_disconnect_cancels_a_direct_build(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, waiting_model_flow(model_url))
    with client.stream(
        "POST", f"/api/v1/build/{flow}/flow", json=build_body(NEVER), params={"event_delivery": "direct"}
    ) as response:
        # The variable keeps the iterator alive: the response is closed with it.
        lines = response.iter_lines()
        assert "vertices_sorted" in next(lines)
        wait_for_model(model_url, "/waits")
    wait_for_model(model_url, "/gave-up")


def test_a_failing_vertex_emits_an_error_and_ends_the_build(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, model_flow(model_url, "wrong key"))
    events = read_events(client, start_build(client, flow, build_body("x")))
    assert event_names(events)[-3:] == ["end_vertex", "error", "end"]
    failed = events[-3]["data"]["build_data"]
    assert (failed["id"], failed["valid"]) == ("OpenAIModel-m", False)
    error = events[-2]["data"]
    assert (error["category"], error["error"]) == ("error", True)
    assert "OpenAI" in error["text"]
    assert "wrong key" not in json.dumps(events)


def test_a_draft_is_built_without_being_stored_and_its_code_never_runs(client: httpx2.Client) -> None:
    flow = create_flow(client, echo_flow())
    draft = FlowBuilder().node("TextInput", "TextInput-d", input_value="draft").data
    events = read_events(client, start_build(client, flow, build_body("x", data=draft)))
    assert events[0]["data"]["to_run"] == ["TextInput-d"]
    assert client.get(f"/api/v1/flows/{flow}").json()["data"]["nodes"][0]["id"] == "ChatInput-a"
    draft["nodes"][0]["data"]["node"]["template"]["code"]["value"] += "\nimport os"
    rejected = client.post(f"/api/v1/build/{flow}/flow", json=build_body("x", data=draft))
    assert (rejected.status_code, "was not run" in rejected.json()["detail"]) == (400, True)


def test_a_build_can_start_or_stop_at_a_vertex(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, model_flow(model_url, KEY))

    def to_run(**params: str) -> set[str]:
        events = read_events(client, start_build(client, flow, build_body("x"), **params))
        ended = {e["data"]["build_data"]["id"] for e in events if e["event"] == "end_vertex"}
        assert ended == set(events[0]["data"]["to_run"])
        return ended

    assert to_run(stop_component_id="Prompt-p") == {"Prompt-p"}
    assert to_run(stop_component_id="OpenAIModel-m") == {"ChatInput-a", "Prompt-p", "OpenAIModel-m"}
    assert to_run(start_component_id="Prompt-p") == {"ChatInput-a", "Prompt-p", "OpenAIModel-m", "ChatOutput-b"}
    missing = client.post(f"/api/v1/build/{flow}/flow", json={}, params={"stop_component_id": "none"})
    assert (missing.status_code, "none" in missing.json()["detail"]) == (400, True)


def test_the_monitor_returns_the_newest_builds_and_transactions(client: httpx2.Client) -> None:
    flow = create_flow(client, echo_flow())
    for text in ("one", "two", "three"):
        read_events(client, start_build(client, flow, build_body(text)))
    read_events(client, start_build(client, flow, build_body("not stored"), log_builds=False))
    builds = client.get("/api/v1/monitor/builds", params={"flow_id": flow}).json()["vertex_builds"]
    assert set(builds) == {"ChatInput-a", "ChatOutput-b"}
    for rows in builds.values():
        assert [r["data"]["results"]["message"]["text"] for r in rows] == ["two", "three"]
        assert all(r["valid"] and r["artifacts"]["type"] == "object" for r in rows)
    page = client.get("/api/v1/monitor/transactions", params={"flow_id": flow, "size": 2}).json()
    assert (page["total"], page["pages"]) == (6, 3)
    assert {(t["vertex_id"], t["target_id"]) for t in page["items"]} == {
        ("ChatInput-a", "ChatOutput-b"),
        ("ChatOutput-b", None),
    }


def test_other_callers_cannot_follow_or_cancel_a_build(
    client: httpx2.Client, anonymous: httpx2.Client, model_url: str
) -> None:
    job = start_build(client, create_flow(client, waiting_model_flow(model_url)), build_body(NEVER))
    name = f"user-{uuid.uuid4()}"
    user_id = client.post("/api/v1/users/", json={"username": name, "password": "x"}).json()["id"]
    client.patch(f"/api/v1/users/{user_id}", json={"is_active": True})
    token = anonymous.post("/api/v1/login", data={"username": name, "password": "x"}).json()["access_token"]
    anonymous.cookies.clear()
    for headers, status in (({"authorization": f"Bearer {token}"}, 404), ({}, 403)):
        assert anonymous.get(f"/api/v1/build/{job}/events", headers=headers).status_code == status
        assert anonymous.post(f"/api/v1/build/{job}/cancel", headers=headers).status_code == status
    visitor = {"cookie": "client_id=guess"}
    assert anonymous.get(f"/api/v1/build_public_tmp/{job}/events", headers=visitor).status_code == 404
    client.post(f"/api/v1/build/{job}/cancel")


def wait_for_message(client: httpx2.Client, job: str) -> None:
    deadline = time.monotonic() + 20
    while "add_message" not in event_names(read_events(client, job, offset=0, event_delivery="polling")):
        assert time.monotonic() < deadline


def test_a_silent_stream_sends_heartbeats(limited_client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(limited_client, waiting_model_flow(model_url))
    for path, body in [
        (f"/api/v1/run/{flow}?stream=true", {"input_value": NEVER}),
        ("/api/v1/responses", {"model": flow, "input": NEVER, "stream": True}),
    ]:
        with limited_client.stream("POST", path, json=body) as response:
            lines = response.iter_lines()
            assert next(line for line in lines if line.startswith(":")) == ": still running"


@pytest.fixture
def limited_client(tmp_path: Path) -> Iterator[httpx2.Client]:
    settings = settings_for(tmp_path, max_runs=2, public_runs_per_minute=3, heartbeat_seconds=0.05)
    with signed_in(create_app(settings)) as client:
        yield client


def test_runs_beyond_the_limit_are_rejected_with_429(limited_client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(limited_client, waiting_model_flow(model_url))
    jobs = [start_build(limited_client, flow, build_body(NEVER)) for _ in range(2)]
    for job in jobs:
        wait_for_message(limited_client, job)
    for path, body in [
        (f"/api/v1/build/{flow}/flow", build_body("x")),
        (f"/api/v1/run/{flow}", {"input_value": "x"}),
        (f"/api/v1/run/{flow}?stream=true", {"input_value": "x"}),
        ("/api/v1/chat/completions", {"model": flow, "messages": [{"content": "x"}], "stream": True}),
    ]:
        rejected = limited_client.post(path, json=body)
        assert rejected.status_code == 429, path
        body = rejected.json()
        assert "HEADRACE_MAX_RUNS" in (body["error"]["message"] if "error" in body else body["detail"])
        assert int(rejected.headers["retry-after"]) >= 1
    for job in jobs:
        limited_client.post(f"/api/v1/build/{job}/cancel")
    next_job = start_build(limited_client, create_flow(limited_client, echo_flow()), build_body("x"))
    assert read_events(limited_client, next_job)[-1]["event"] == "end"


def test_two_hundred_concurrent_builds_all_end(client: httpx2.Client) -> None:
    flow = create_flow(client, echo_flow())

    async def build(async_client: httpx2.AsyncClient, text: str) -> list[dict[str, Any]]:
        start = await async_client.post(f"/api/v1/build/{flow}/flow", json=build_body(text))
        assert start.status_code == 200, start.text
        return parse_events((await async_client.get(f"/api/v1/build/{start.json()['job_id']}/events")).text)

    async def build_all() -> list[list[dict[str, Any]]]:
        limits = httpx2.Limits(max_connections=200)
        async with httpx2.AsyncClient(
            base_url=client.base_url, headers=client.headers, timeout=60, limits=limits
        ) as async_client:
            return list(await asyncio.gather(*(build(async_client, str(i)) for i in range(200))))

    builds = asyncio.run(build_all())
    errors = [event["data"]["text"] for events in builds for event in events if event["event"] == "error"]
    assert not errors, errors
    assert {tuple(event_names(events)) for events in builds} == {tuple(ECHO)}
    assert [events[1]["data"]["text"] for events in builds] == [str(i) for i in range(200)]


def test_a_slow_client_misses_no_event_and_blocks_no_other_client(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, model_flow(model_url, KEY, stream=True))
    job = start_build(client, flow, build_body("word " * 5000))
    with client.stream("GET", f"/api/v1/build/{job}/events") as late:
        lines = late.iter_lines()
        next(lines)
        # Another client reads all events while the first client has read only one line.
        all_events = read_events(client, job)
        assert event_names(all_events)[-1] == "end"
        rest = [json.loads(line) for line in lines if line]
    assert all_events[1:] == rest


@pytest.mark.parametrize("event_count", range(8))
def test_a_build_cancelled_at_any_event_ends_and_frees_its_slot(
    single_run_client: httpx2.Client, model_url: str, event_count: int
) -> None:
    flow = create_flow(single_run_client, model_flow(model_url, KEY, stream=True))
    job = start_build(single_run_client, flow, build_body("one two three four"))
    with single_run_client.stream("GET", f"/api/v1/build/{job}/events") as response:
        lines = (json.loads(line) for line in response.iter_lines() if line)
        events = [next(lines) for _ in range(event_count)]
        assert single_run_client.post(f"/api/v1/build/{job}/cancel").status_code == 200
        events += list(lines)
    assert event_names(events).count("end") == 1
    assert events[-1]["event"] == "end"
    # The server allows one run at a time, so the next build starts only if the slot is free.
    assert read_events(single_run_client, start_build(single_run_client, flow, build_body("next")))[-1]["data"] == {}


@pytest.fixture
def single_run_client(tmp_path: Path) -> Iterator[httpx2.Client]:
    """Return a client of a server that allows one run at a time."""
    with signed_in(create_app(settings_for(tmp_path, max_runs=1))) as client:
        yield client


def test_a_disconnect_at_any_event_frees_the_slot_of_the_run(single_run_client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(single_run_client, model_flow(model_url, KEY, stream=True))
    for event_count in range(5):
        with single_run_client.stream(
            "POST", f"/api/v1/run/{flow}?stream=true", json={"input_value": "a b c"}
        ) as response:
            lines = response.iter_lines()
            for _ in range(event_count):
                next(lines)

        def is_free() -> bool:
            return single_run_client.post(f"/api/v1/run/{flow}", json={"input_value": "next"}).status_code == 200

        until(is_free)


def start_public_build(
    client: httpx2.Client, flow: str, visitor_id: str, body: dict[str, Any], **params: Any
) -> httpx2.Response:
    with httpx2.Client(base_url=client.base_url, headers={"cookie": f"client_id={visitor_id}"}, timeout=30) as visitor:
        return visitor.post(f"/api/v1/build_public_tmp/{flow}/flow", json=body, params=params)


def test_a_visitor_runs_the_stored_flow_in_a_private_session(client: httpx2.Client) -> None:
    flow = create_flow(client, echo_flow(), access_type="PUBLIC")
    draft = FlowBuilder().node("TextInput", "TextInput-draft", input_value="draft").data
    body = {"inputs": {"input_value": "hello", "session": "shared"}, "data": draft}
    sessions = set()
    for visitor_id in ("ada", "bob"):
        events = parse_events(start_public_build(client, flow, visitor_id, body, event_delivery="direct").text)
        assert event_names(events) == ECHO
        assert events[0]["data"]["to_run"] == ["ChatInput-a", "ChatOutput-b"]
        sessions.add(events[1]["data"]["session_id"])
    assert len(sessions) == 2
    assert "shared" not in sessions
    again = parse_events(start_public_build(client, flow, "ada", body, event_delivery="direct").text)
    assert again[1]["data"]["session_id"] in sessions
    assert client.get("/api/v1/monitor/builds", params={"flow_id": flow}).json() == {"vertex_builds": {}}


def test_only_the_visitor_can_follow_or_cancel_a_public_build(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, waiting_model_flow(model_url), access_type="PUBLIC")
    job = start_public_build(client, flow, "ada", build_body(NEVER)).json()["job_id"]
    events, cancel = f"/api/v1/build_public_tmp/{job}/events", f"/api/v1/build_public_tmp/{job}/cancel"
    assert client.get(f"/api/v1/build/{job}/events").status_code == 404
    with httpx2.Client(base_url=client.base_url) as visitor:
        bob, ada = {"cookie": "client_id=bob"}, {"cookie": "client_id=ada"}
        assert visitor.get(events, headers=bob).status_code == 404
        assert visitor.post(cancel, headers=bob).status_code == 404
        assert visitor.get(events).status_code == 400
        assert visitor.post(cancel, headers=ada).status_code == 200
        assert event_names(parse_events(visitor.get(events, headers=ada).text))[-1] == "end"


def test_private_flows_and_frequent_visitors_are_rejected(limited_client: httpx2.Client) -> None:
    private_flow = create_flow(limited_client, echo_flow())
    rejected = start_public_build(limited_client, private_flow, "ada", build_body("x"))
    assert rejected.json() == {"detail": "Flow is not public"}
    flow = create_flow(limited_client, echo_flow(), access_type="PUBLIC")
    responses = [
        start_public_build(limited_client, flow, "ada", build_body("x"), event_delivery="direct") for _ in range(4)
    ]
    assert responses[-1].status_code == 429
    assert int(responses[-1].headers["retry-after"]) >= 1


def test_clients_of_older_versions_build_one_vertex(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, model_flow(model_url, KEY, stream=True))
    body = {"inputs": {"input_value": "ahoy"}}
    built = client.post(f"/api/v1/build/{flow}/vertices/OpenAIModel-m", json=body).json()
    assert (built["id"], built["valid"]) == ("OpenAIModel-m", True)
    assert built["data"]["results"]["text_output"]["text"].strip().endswith("ahoy")
    stream = client.get(f"/api/v1/build/{flow}/ChatOutput-b/stream")
    assert stream.headers["content-type"].startswith("text/event-stream")
    events = [line.removeprefix("event: ") for line in stream.text.splitlines() if line.startswith("event: ")]
    assert set(events) == {"message", "close"}
    assert client.post(f"/api/v1/build/{flow}/vertices/missing", json={}).status_code == 400


def test_clients_of_older_versions_receive_the_error_of_a_failing_vertex(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, model_flow(model_url, "sk-wrong"))
    built = client.post(f"/api/v1/build/{flow}/vertices/ChatOutput-b", json={"inputs": {"input_value": "x"}}).json()
    assert (built["id"], built["valid"]) == ("OpenAIModel-m", False)
    assert "Incorrect API key" in built["params"]
    assert "event: error" in client.get(f"/api/v1/build/{flow}/ChatOutput-b/stream").text
