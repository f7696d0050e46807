"""Builds: runs that an editor watches, and a visitor of a public flow."""

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
from tests.clients import signed_in
from tests.conftest import settings_for
from tests.flow_builder import FlowBuilder, echo_flow, model_flow
from tests.model_server import KEY, NEVER
from tests.waiting import until


def saved(client: httpx2.Client, data: dict[str, Any], **more: Any) -> str:
    answer = client.post("/api/v1/flows/", json={"name": f"flow {uuid.uuid4()}", "data": data, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"inputs": {"input_value": text, "session": str(uuid.uuid4())}, **more}


def started(client: httpx2.Client, flow: str, body: dict[str, Any], **params: Any) -> str:
    answer = client.post(f"/api/v1/build/{flow}/flow", json=body, params=params)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["job_id"])


def parsed(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.split("\n\n") if line]


def watched(client: httpx2.Client, job: str, **params: Any) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/build/{job}/events", params=params)
    assert answer.headers["content-type"] == "application/x-ndjson"
    return parsed(answer.text)


def names(events: list[dict[str, Any]]) -> list[str]:
    return [e["event"] for e in events]


ECHO = ["vertices_sorted", "add_message", "end_vertex", "add_message", "end_vertex", "end"]


def test_a_build_tells_what_happens_in_the_recorded_order(client: httpx2.Client) -> None:
    flow = saved(client, echo_flow())
    body = said("built")
    events = watched(client, started(client, flow, body))
    assert names(events) == ECHO
    assert events[0]["data"] == {"ids": ["ChatInput-a"], "to_run": ["ChatInput-a", "ChatOutput-b"]}
    assert (events[1]["data"]["text"], events[1]["data"]["session_id"]) == ("built", body["inputs"]["session"])
    first = events[2]["data"]["build_data"]
    assert first["next_vertices_ids"] == first["top_level_vertices"] == ["ChatOutput-b"]
    assert (first["id"], first["valid"], first["inactivated_vertices"]) == ("ChatInput-a", True, [])
    assert first["params"] == "- Files: []\n  Message: built\n  Sender: User\n  Sender Name: User\n  Type: object\n"
    assert first["data"]["outputs"] == {"message": {"message": "built", "type": "text"}}
    assert first["data"]["results"]["message"]["text"] == "built"
    assert events[-1]["data"] == {}


def test_tokens_come_before_the_end_of_the_vertex_that_says_them(client: httpx2.Client, model_url: str) -> None:
    flow = saved(client, model_flow(model_url, KEY, stream=True))
    events = watched(client, started(client, flow, said("ahoy")))
    ended = {e["data"]["build_data"]["id"]: i for i, e in enumerate(events) if e["event"] == "end_vertex"}
    tokens = [i for i, e in enumerate(events) if e["event"] == "token"]
    assert tokens
    assert max(tokens) < ended["OpenAIModel-m"] < ended["ChatOutput-b"]
    whole = events[ended["OpenAIModel-m"]]["data"]["build_data"]["data"]["outputs"]["text_output"]["message"]
    assert whole == "".join(events[i]["data"]["chunk"] for i in tokens)


def test_all_three_deliveries_tell_the_same(client: httpx2.Client) -> None:
    flow = saved(client, echo_flow())
    job = started(client, flow, said("x"))
    polled: list[dict[str, Any]] = []
    deadline = time.monotonic() + 20
    while not polled or polled[-1]["event"] != "end":
        polled += watched(client, job, event_delivery="polling")
        assert time.monotonic() < deadline
    assert watched(client, job, event_delivery="polling") == []
    assert polled == watched(client, job)
    direct = client.post(f"/api/v1/build/{flow}/flow", json=said("x"), params={"event_delivery": "direct"})
    assert names(parsed(direct.text)) == ECHO


def test_a_watcher_reads_on_from_where_it_was(client: httpx2.Client) -> None:
    job = started(client, saved(client, echo_flow()), said("x"))
    whole = watched(client, job)
    for offset in range(len(whole) + 1):
        assert watched(client, job, offset=offset) == whole[offset:]
        assert watched(client, job, offset=offset, event_delivery="polling") == whole[offset:]


def waiting_flow(model_url: str) -> dict[str, Any]:
    return model_flow(model_url, KEY)


def test_a_cancelled_build_ends_at_once_and_says_so(client: httpx2.Client, model_url: str) -> None:
    job = started(client, saved(client, waiting_flow(model_url)), said(NEVER))
    answer = client.post(f"/api/v1/build/{job}/cancel")
    assert answer.json() == {"success": True, "message": "Flow build cancelled successfully"}
    events = watched(client, job)
    assert events[-1] == {"event": "end", "data": {"cancelled": True}}
    assert names(events).count("end") == 1
    assert client.post(f"/api/v1/build/{job}/cancel").status_code == 200


def until_model(model_url: str, path: str) -> None:
    deadline = time.monotonic() + 20
    while not httpx2.get(model_url.removesuffix("/v1") + path).json():
        assert time.monotonic() < deadline


def test_who_leaves_a_direct_build_ends_it(client: httpx2.Client, model_url: str) -> None:
    flow = saved(client, waiting_flow(model_url))
    with client.stream(
        "POST", f"/api/v1/build/{flow}/flow", json=said(NEVER), params={"event_delivery": "direct"}
    ) as answer:
        # Held, since what it reads from is closed with it.
        lines = answer.iter_lines()
        assert "vertices_sorted" in next(lines)
        until_model(model_url, "/waits")
    until_model(model_url, "/gave-up")


def test_a_failing_vertex_is_told_and_the_build_ends(client: httpx2.Client, model_url: str) -> None:
    flow = saved(client, model_flow(model_url, "wrong key"))
    events = watched(client, started(client, flow, said("x")))
    assert names(events)[-3:] == ["end_vertex", "error", "end"]
    failed = events[-3]["data"]["build_data"]
    assert (failed["id"], failed["valid"]) == ("OpenAIModel-m", False)
    error = events[-2]["data"]
    assert (error["category"], error["error"]) == ("error", True)
    assert "OpenAI" in error["text"]
    assert "wrong key" not in json.dumps(events)


def test_a_draft_is_built_without_being_stored_and_its_code_never_runs(client: httpx2.Client) -> None:
    flow = saved(client, echo_flow())
    draft = FlowBuilder().node("TextInput", "TextInput-d", input_value="draft").data
    events = watched(client, started(client, flow, said("x", data=draft)))
    assert events[0]["data"]["to_run"] == ["TextInput-d"]
    assert client.get(f"/api/v1/flows/{flow}").json()["data"]["nodes"][0]["id"] == "ChatInput-a"
    draft["nodes"][0]["data"]["node"]["edited"] = True
    refused = client.post(f"/api/v1/build/{flow}/flow", json=said("x", data=draft))
    assert (refused.status_code, "was not run" in refused.json()["detail"]) == (400, True)


def test_a_part_of_a_flow_is_built(client: httpx2.Client, model_url: str) -> None:
    flow = saved(client, model_flow(model_url, KEY))

    def to_run(**params: str) -> set[str]:
        events = watched(client, started(client, flow, said("x"), **params))
        ended = {e["data"]["build_data"]["id"] for e in events if e["event"] == "end_vertex"}
        assert ended == set(events[0]["data"]["to_run"])
        return ended

    assert to_run(stop_component_id="Prompt-p") == {"Prompt-p"}
    assert to_run(stop_component_id="OpenAIModel-m") == {"ChatInput-a", "Prompt-p", "OpenAIModel-m"}
    assert to_run(start_component_id="Prompt-p") == {"ChatInput-a", "Prompt-p", "OpenAIModel-m", "ChatOutput-b"}
    missing = client.post(f"/api/v1/build/{flow}/flow", json={}, params={"stop_component_id": "none"})
    assert (missing.status_code, "none" in missing.json()["detail"]) == (400, True)


def test_what_vertices_gave_is_read_through_the_monitor_the_newest_of_it(client: httpx2.Client) -> None:
    flow = saved(client, echo_flow())
    for text in ("one", "two", "three"):
        watched(client, started(client, flow, said(text)))
    watched(client, started(client, flow, said("untold"), log_builds=False))
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


def test_nobody_else_watches_or_stops_a_build(client: httpx2.Client, anyone: httpx2.Client, model_url: str) -> None:
    job = started(client, saved(client, waiting_flow(model_url)), said(NEVER))
    name = f"user-{uuid.uuid4()}"
    made = client.post("/api/v1/users/", json={"username": name, "password": "x"}).json()["id"]
    client.patch(f"/api/v1/users/{made}", json={"is_active": True})
    token = anyone.post("/api/v1/login", data={"username": name, "password": "x"}).json()["access_token"]
    anyone.cookies.clear()
    for headers, status in (({"authorization": f"Bearer {token}"}, 404), ({}, 403)):
        assert anyone.get(f"/api/v1/build/{job}/events", headers=headers).status_code == status
        assert anyone.post(f"/api/v1/build/{job}/cancel", headers=headers).status_code == status
    visitor = {"cookie": "client_id=guess"}
    assert anyone.get(f"/api/v1/build_public_tmp/{job}/events", headers=visitor).status_code == 404
    client.post(f"/api/v1/build/{job}/cancel")


def until_said(client: httpx2.Client, job: str) -> None:
    deadline = time.monotonic() + 20
    while "add_message" not in names(watched(client, job, offset=0, event_delivery="polling")):
        assert time.monotonic() < deadline


def test_a_silent_stream_says_that_it_still_runs(small: httpx2.Client, model_url: str) -> None:
    flow = saved(small, waiting_flow(model_url))
    for path, body in [
        (f"/api/v1/run/{flow}?stream=true", {"input_value": NEVER}),
        ("/api/v1/responses", {"model": flow, "input": NEVER, "stream": True}),
    ]:
        with small.stream("POST", path, json=body) as answer:
            lines = answer.iter_lines()
            assert next(line for line in lines if line.startswith(":")) == ": still running"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[httpx2.Client]:
    settings = settings_for(tmp_path, max_runs=2, public_runs_per_minute=3, heartbeat_seconds=0.05)
    with signed_in(create_app(settings)) as client:
        yield client


def test_beyond_the_bound_the_answer_is_429_at_once(small: httpx2.Client, model_url: str) -> None:
    flow = saved(small, waiting_flow(model_url))
    jobs = [started(small, flow, said(NEVER)) for _ in range(2)]
    for job in jobs:
        until_said(small, job)
    for path, body in [
        (f"/api/v1/build/{flow}/flow", said("x")),
        (f"/api/v1/run/{flow}", {"input_value": "x"}),
        (f"/api/v1/run/{flow}?stream=true", {"input_value": "x"}),
        ("/api/v1/chat/completions", {"model": flow, "messages": [{"content": "x"}], "stream": True}),
    ]:
        refused = small.post(path, json=body)
        assert refused.status_code == 429, path
        assert "HEADRACE_MAX_RUNS" in refused.json()["detail"]
        assert int(refused.headers["retry-after"]) >= 1
    for job in jobs:
        small.post(f"/api/v1/build/{job}/cancel")
    assert watched(small, started(small, saved(small, echo_flow()), said("x")))[-1]["event"] == "end"


def test_two_hundred_builds_at_once_all_end(client: httpx2.Client) -> None:
    flow = saved(client, echo_flow())

    async def build(own: httpx2.AsyncClient, text: str) -> list[dict[str, Any]]:
        started = await own.post(f"/api/v1/build/{flow}/flow", json=said(text))
        assert started.status_code == 200, started.text
        return parsed((await own.get(f"/api/v1/build/{started.json()['job_id']}/events")).text)

    async def all_of_them() -> list[list[dict[str, Any]]]:
        limits = httpx2.Limits(max_connections=200)
        async with httpx2.AsyncClient(
            base_url=client.base_url, headers=client.headers, timeout=60, limits=limits
        ) as own:
            return list(await asyncio.gather(*(build(own, str(i)) for i in range(200))))

    told = asyncio.run(all_of_them())
    assert {tuple(names(events)) for events in told} == {tuple(ECHO)}
    assert [events[1]["data"]["text"] for events in told] == [str(i) for i in range(200)]


def test_a_watcher_who_reads_late_misses_nothing_and_holds_nobody_up(client: httpx2.Client, model_url: str) -> None:
    flow = saved(client, model_flow(model_url, KEY, stream=True))
    job = started(client, flow, said("word " * 5000))
    with client.stream("GET", f"/api/v1/build/{job}/events") as late:
        lines = late.iter_lines()
        next(lines)
        # Somebody else sees the end while the first still holds the first line.
        whole = watched(client, job)
        assert names(whole)[-1] == "end"
        rest = [json.loads(line) for line in lines if line]
    assert whole[1:] == rest


@pytest.mark.parametrize("seen", range(8))
def test_a_build_that_is_stopped_at_any_event_ends_and_makes_room(
    only: httpx2.Client, model_url: str, seen: int
) -> None:
    flow = saved(only, model_flow(model_url, KEY, stream=True))
    job = started(only, flow, said("one two three four"))
    with only.stream("GET", f"/api/v1/build/{job}/events") as answer:
        lines = (json.loads(line) for line in answer.iter_lines() if line)
        told = [next(lines) for _ in range(seen)]
        assert only.post(f"/api/v1/build/{job}/cancel").status_code == 200
        told += list(lines)
    assert names(told).count("end") == 1
    assert told[-1]["event"] == "end"
    # One run is all that this server has room for: what is stopped holds on to nothing.
    assert watched(only, started(only, flow, said("next")))[-1]["data"] == {}


@pytest.fixture
def only(tmp_path: Path) -> Iterator[httpx2.Client]:
    """A client of a server that runs one flow at once."""
    with signed_in(create_app(settings_for(tmp_path, max_runs=1))) as client:
        yield client


def test_who_leaves_a_run_at_any_moment_leaves_room(only: httpx2.Client, model_url: str) -> None:
    flow = saved(only, model_flow(model_url, KEY, stream=True))
    for seen in range(5):
        with only.stream("POST", f"/api/v1/run/{flow}?stream=true", json={"input_value": "a b c"}) as answer:
            lines = answer.iter_lines()
            for _ in range(seen):
                next(lines)

        def free() -> bool:
            return only.post(f"/api/v1/run/{flow}", json={"input_value": "next"}).status_code == 200

        until(free)


def visit(client: httpx2.Client, flow: str, who: str, body: dict[str, Any], **params: Any) -> httpx2.Response:
    with httpx2.Client(base_url=client.base_url, headers={"cookie": f"client_id={who}"}, timeout=30) as visitor:
        return visitor.post(f"/api/v1/build_public_tmp/{flow}/flow", json=body, params=params)


def test_a_visitor_runs_the_stored_flow_in_a_session_of_their_own(client: httpx2.Client) -> None:
    flow = saved(client, echo_flow(), access_type="PUBLIC")
    evil = FlowBuilder().node("TextInput", "TextInput-evil", input_value="draft").data
    body = {"inputs": {"input_value": "hello", "session": "shared"}, "data": evil}
    sessions = set()
    for who in ("ada", "bob"):
        events = parsed(visit(client, flow, who, body, event_delivery="direct").text)
        assert names(events) == ECHO
        assert events[0]["data"]["to_run"] == ["ChatInput-a", "ChatOutput-b"]
        sessions.add(events[1]["data"]["session_id"])
    assert len(sessions) == 2
    assert "shared" not in sessions
    again = parsed(visit(client, flow, "ada", body, event_delivery="direct").text)
    assert again[1]["data"]["session_id"] in sessions
    assert client.get("/api/v1/monitor/builds", params={"flow_id": flow}).json() == {"vertex_builds": {}}


def test_a_visitors_build_is_watched_by_the_visitor_alone(client: httpx2.Client, model_url: str) -> None:
    flow = saved(client, waiting_flow(model_url), access_type="PUBLIC")
    job = visit(client, flow, "ada", said(NEVER)).json()["job_id"]
    events, cancel = f"/api/v1/build_public_tmp/{job}/events", f"/api/v1/build_public_tmp/{job}/cancel"
    assert client.get(f"/api/v1/build/{job}/events").status_code == 404
    with httpx2.Client(base_url=client.base_url) as visitor:
        bob, ada = {"cookie": "client_id=bob"}, {"cookie": "client_id=ada"}
        assert visitor.get(events, headers=bob).status_code == 404
        assert visitor.post(cancel, headers=bob).status_code == 404
        assert visitor.get(events).status_code == 400
        assert visitor.post(cancel, headers=ada).status_code == 200
        assert names(parsed(visitor.get(events, headers=ada).text))[-1] == "end"


def test_a_private_flow_and_a_hasty_visitor_are_turned_away(small: httpx2.Client) -> None:
    assert visit(small, saved(small, echo_flow()), "ada", said("x")).json() == {"detail": "Flow is not public"}
    flow = saved(small, echo_flow(), access_type="PUBLIC")
    answers = [visit(small, flow, "ada", said("x"), event_delivery="direct") for _ in range(4)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_clients_of_older_versions_build_one_vertex(client: httpx2.Client, model_url: str) -> None:
    flow = saved(client, model_flow(model_url, KEY, stream=True))
    body = {"inputs": {"input_value": "ahoy"}}
    built = client.post(f"/api/v1/build/{flow}/vertices/OpenAIModel-m", json=body).json()
    assert (built["id"], built["valid"]) == ("OpenAIModel-m", True)
    assert built["data"]["results"]["text_output"]["text"].strip().endswith("ahoy")
    stream = client.get(f"/api/v1/build/{flow}/ChatOutput-b/stream")
    assert stream.headers["content-type"].startswith("text/event-stream")
    events = [line.removeprefix("event: ") for line in stream.text.splitlines() if line.startswith("event: ")]
    assert set(events) == {"message", "close"}
    assert client.post(f"/api/v1/build/{flow}/vertices/nobody", json={}).status_code == 400


def test_a_vertex_that_fails_says_so_to_clients_of_older_versions(client: httpx2.Client, model_url: str) -> None:
    flow = saved(client, model_flow(model_url, "sk-wrong"))
    built = client.post(f"/api/v1/build/{flow}/vertices/ChatOutput-b", json={"inputs": {"input_value": "x"}}).json()
    assert (built["id"], built["valid"]) == ("OpenAIModel-m", False)
    assert "Incorrect API key" in built["params"]
    assert "event: error" in client.get(f"/api/v1/build/{flow}/ChatOutput-b/stream").text
