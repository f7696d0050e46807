"""Builds on one server, watched and stopped on another with the same database."""

from __future__ import annotations

import json
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

from headrace.app import create_app
from headrace.runs import journal
from tests.api.test_builds import names, parsed, said, saved, started, watched
from tests.clients import log_in
from tests.conftest import PASSWORD, settings_for
from tests.flow_builder import echo_flow, model_flow
from tests.model_server import KEY, NEVER
from tests.process import free_port, start
from tests.server import serving
from tests.waiting import until


class Pair(NamedTuple):
    one: httpx2.Client
    other: httpx2.Client


@pytest.fixture
def pair(database_url: str | None, tmp_path: Path) -> Iterator[Pair]:
    """Two servers of one database. With SQLite, as two workers of one machine."""
    first, second = (create_app(settings_for(tmp_path, database_url, workers=2)) for _ in range(2))
    with serving(first) as one, serving(second) as other:
        headers = log_in(one)
        with (
            httpx2.Client(base_url=one, headers=headers, timeout=30) as a,
            httpx2.Client(base_url=other, headers=headers, timeout=30) as b,
        ):
            yield Pair(a, b)


def test_another_server_tells_the_same_events_and_from_where_the_watcher_was(pair: Pair) -> None:
    job = started(pair.one, saved(pair.one, echo_flow()), said("built"))
    here, there = watched(pair.one, job), watched(pair.other, job)
    assert there == here
    assert watched(pair.other, job, offset=2) == here[2:]


def test_tokens_reach_a_watcher_on_another_server_as_they_come(pair: Pair, model_url: str) -> None:
    job = started(pair.one, saved(pair.one, model_flow(model_url, KEY, stream=True)), said("ahoy"))
    assert "token" in names(watched(pair.other, job))


def test_polls_that_come_to_either_server_tell_each_event_once(pair: Pair, model_url: str) -> None:
    job = started(pair.one, saved(pair.one, model_flow(model_url, KEY, stream=True)), said("a few words more than one"))
    told = []
    for turn in range(200):
        told += watched(pair[turn % 2], job, event_delivery="polling")
        if told and told[-1]["event"] == "end":
            break
    assert told == watched(pair.one, job)


def test_a_build_is_stopped_from_another_server(pair: Pair, model_url: str) -> None:
    job = started(pair.one, saved(pair.one, model_flow(model_url, KEY)), said(NEVER))
    answer = pair.other.post(f"/api/v1/build/{job}/cancel")
    assert answer.json() == {"success": True, "message": "Flow build cancelled successfully"}
    events = watched(pair.other, job)
    assert events[-1] == {"event": "end", "data": {"cancelled": True}}


def test_a_visitors_build_is_the_visitors_alone_on_every_server(pair: Pair) -> None:
    flow = saved(pair.one, echo_flow(), access_type="PUBLIC")
    begun = pair.one.post(f"/api/v1/build_public_tmp/{flow}/flow", json={}, headers={"cookie": "client_id=ada"})
    address = f"/api/v1/build_public_tmp/{begun.json()['job_id']}/events"
    assert pair.other.get(address, headers={"cookie": "client_id=bob"}).status_code == 404
    assert pair.other.get(f"/api/v1/build/{begun.json()['job_id']}/events").status_code == 404
    assert names(parsed(pair.other.get(address, headers={"cookie": "client_id=ada"}).text))[-1] == "end"


def test_a_watcher_is_told_when_the_server_that_ran_the_build_was_killed(
    database_url: str | None, tmp_path: Path, model_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "DEAD_AFTER", 1.0)
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    allowed = {"LANGFLOW_SSRF_ALLOWED_HOSTS": "127.0.0.1"}
    if database_url is None:
        pytest.skip("an SQLite database belongs to one machine's workers, which die together")
    process = start(port, tmp_path, database_url, **allowed)
    with serving(create_app(settings_for(tmp_path, database_url))) as other:
        headers = log_in(other)
        with httpx2.Client(base_url=base, headers=headers) as a, httpx2.Client(base_url=other, headers=headers) as b:
            job = started(a, saved(a, model_flow(model_url, KEY)), said(NEVER))
            until(
                lambda: b.get(f"/api/v1/build/{job}/events", params={"event_delivery": "polling", "offset": 0}).content
            )
            process.send_signal(signal.SIGKILL)
            process.wait()
            events = [json.loads(line) for line in b.get(f"/api/v1/build/{job}/events").text.split("\n\n") if line]
    assert names(events)[-2:] == ["error", "end"]
    assert "has stopped" in events[-2]["data"]["text"]


def test_a_user_who_is_deleted_takes_their_builds_along_and_holds_up_no_others(pair: Pair, model_url: str) -> None:
    name = f"leaver-{uuid.uuid4()}"
    user = pair.one.post("/api/v1/users/", json={"username": name, "password": PASSWORD}).json()
    pair.one.patch(f"/api/v1/users/{user['id']}", json={"is_active": True})
    with httpx2.Client(base_url=pair.one.base_url, headers=log_in(str(pair.one.base_url), name)) as leaver:
        job = started(leaver, saved(leaver, model_flow(model_url, KEY)), said(NEVER))
        assert pair.one.delete(f"/api/v1/users/{user['id']}").status_code == 200
    other = started(pair.one, saved(pair.one, echo_flow()), said("built"))
    assert names(watched(pair.other, other))[-1] == "end"
    assert pair.other.get(f"/api/v1/build/{job}/events").status_code == 404
