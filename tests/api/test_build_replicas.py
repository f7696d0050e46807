"""Builds on one server that are followed and cancelled on another server with the same database."""

from __future__ import annotations

import json
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from headrace.app import create_app
from headrace.builds import shared_build
from tests.api.test_builds import (
    build_body,
    event_names,
    parse_events,
    read_events,
    start_build,
)
from tests.conftest import PASSWORD, settings_for
from tests.support.clients import log_in
from tests.support.flow_builder import echo_flow, model_flow
from tests.support.flows import create_flow
from tests.support.model_server import KEY, NEVER
from tests.support.process import free_port, start
from tests.support.server import serving
from tests.support.waiting import until


class Pair(NamedTuple):
    one: httpx2.Client
    other: httpx2.Client


@pytest.fixture
def pair(database_url: str | None, tmp_path: Path) -> Iterator[Pair]:
    """Yield clients of two servers with one database. With SQLite, the servers are workers on one machine."""
    first, second = (create_app(settings_for(tmp_path, database_url, workers=2)) for _ in range(2))
    with serving(first) as one, serving(second) as other:
        headers = log_in(one)
        with (
            httpx2.Client(base_url=one, headers=headers, timeout=30) as a,
            httpx2.Client(base_url=other, headers=headers, timeout=30) as b,
        ):
            yield Pair(a, b)


def test_another_server_returns_the_same_events_from_any_offset(pair: Pair) -> None:
    job = start_build(pair.one, create_flow(pair.one, echo_flow()), build_body("built"))
    first_events, second_events = read_events(pair.one, job), read_events(pair.other, job)
    assert second_events == first_events
    assert read_events(pair.other, job, offset=2) == first_events[2:]


def test_tokens_are_streamed_to_a_client_of_another_server(pair: Pair, model_url: str) -> None:
    job = start_build(pair.one, create_flow(pair.one, model_flow(model_url, KEY, stream=True)), build_body("ahoy"))
    assert "token" in event_names(read_events(pair.other, job))


def test_polls_of_alternating_servers_return_each_event_once(pair: Pair, model_url: str) -> None:
    job = start_build(
        pair.one,
        create_flow(pair.one, model_flow(model_url, KEY, stream=True)),
        build_body("a few words more than one"),
    )
    events = []
    for turn in range(200):
        events += read_events(pair[turn % 2], job, event_delivery="polling")
        if events and events[-1]["event"] == "end":
            break
    assert events == read_events(pair.one, job)


def test_a_build_can_be_cancelled_on_another_server(pair: Pair, model_url: str) -> None:
    job = start_build(pair.one, create_flow(pair.one, model_flow(model_url, KEY)), build_body(NEVER))
    response = pair.other.post(f"/api/v1/build/{job}/cancel")
    assert response.json() == {"success": True, "message": "Flow build cancelled successfully"}
    events = read_events(pair.other, job)
    assert events[-1] == {"event": "end", "data": {"cancelled": True}}


def test_only_the_visitor_can_follow_a_public_build_on_any_server(pair: Pair) -> None:
    flow = create_flow(pair.one, echo_flow(), access_type="PUBLIC")
    started = pair.one.post(f"/api/v1/build_public_tmp/{flow}/flow", json={}, headers={"cookie": "client_id=ada"})
    address = f"/api/v1/build_public_tmp/{started.json()['job_id']}/events"
    assert pair.other.get(address, headers={"cookie": "client_id=bob"}).status_code == 404
    assert pair.other.get(f"/api/v1/build/{started.json()['job_id']}/events").status_code == 404
    assert event_names(parse_events(pair.other.get(address, headers={"cookie": "client_id=ada"}).text))[-1] == "end"


def test_a_client_receives_an_error_if_the_server_of_the_build_is_killed(
    database_url: str | None, tmp_path: Path, model_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_build, "OWNER_TIMEOUT_SECONDS", 1.0)
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    allowed: dict[str, Any] = {"LANGFLOW_SSRF_ALLOWED_HOSTS": "127.0.0.1"}
    if database_url is None:
        pytest.skip("the workers that share an SQLite database run on one machine and stop together")
    process = start(port, tmp_path, database_url, before=(), **allowed)
    with serving(create_app(settings_for(tmp_path, database_url))) as other:
        headers = log_in(other)
        with httpx2.Client(base_url=base, headers=headers) as a, httpx2.Client(base_url=other, headers=headers) as b:
            job = start_build(a, create_flow(a, model_flow(model_url, KEY)), build_body(NEVER))
            until(
                lambda: b.get(f"/api/v1/build/{job}/events", params={"event_delivery": "polling", "offset": 0}).content
            )
            process.send_signal(signal.SIGKILL)
            process.wait()
            events = [json.loads(line) for line in b.get(f"/api/v1/build/{job}/events").text.split("\n\n") if line]
    assert event_names(events)[-2:] == ["error", "end"]
    assert "has stopped" in events[-2]["data"]["text"]


def test_deleting_a_user_deletes_the_users_builds_and_blocks_no_others(pair: Pair, model_url: str) -> None:
    name = f"leaver-{uuid.uuid4()}"
    user = pair.one.post("/api/v1/users/", json={"username": name, "password": PASSWORD}).json()
    pair.one.patch(f"/api/v1/users/{user['id']}", json={"is_active": True})
    with httpx2.Client(base_url=pair.one.base_url, headers=log_in(str(pair.one.base_url), name)) as leaver:
        job = start_build(leaver, create_flow(leaver, model_flow(model_url, KEY)), build_body(NEVER))
        assert pair.one.delete(f"/api/v1/users/{user['id']}").status_code == 200
    other = start_build(pair.one, create_flow(pair.one, echo_flow()), build_body("built"))
    assert event_names(read_events(pair.other, other))[-1] == "end"
    assert pair.other.get(f"/api/v1/build/{job}/events").status_code == 404
