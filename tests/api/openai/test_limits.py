"""Stored responses and conversations are bounded, belong to their owner, and survive a killed server."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from headrace.app import create_app
from headrace.db.database import Database
from headrace.db.tables import conversation_items, conversations, responses
from headrace.settings import Settings
from tests.conftest import PASSWORD, settings_for
from tests.support.clients import log_in
from tests.support.flow_builder import echo_flow, model_flow
from tests.support.flows import create_flow
from tests.support.model_server import KEY, NEVER
from tests.support.process import free_port, start
from tests.support.server import serving
from tests.support.waiting import until


class Users(NamedTuple):
    """Clients of a new user and of a superuser."""

    ada: httpx2.Client
    root: httpx2.Client


@pytest.fixture
def narrow(users: Users) -> httpx2.Client:
    """Return a client of a user, on a server that stores little."""
    return users.ada


@pytest.fixture
def users(database_url: str | None, tmp_path: Path) -> Iterator[Users]:
    """Return clients of a server that stores little."""
    settings = settings_for(
        tmp_path,
        database_url,
        max_responses=3,
        max_response_bytes=100_000,
        max_conversations=2,
        max_conversation_bytes=100_000,
    )
    with open_users(create_app(settings)) as users:
        yield users


@contextlib.contextmanager
def open_users(app: FastAPI) -> Iterator[Users]:
    """Serve an application and yield clients of it. The new user is deleted at the end."""
    name = f"ada-{uuid.uuid4()}"
    with serving(app) as base, httpx2.Client(base_url=base, headers=log_in(base), timeout=30) as root:
        user = root.post("/api/v1/users/", json={"username": name, "password": PASSWORD}).json()
        root.patch(f"/api/v1/users/{user['id']}", json={"is_active": True})
        with httpx2.Client(base_url=base, headers=log_in(base, name), timeout=30) as ada:
            yield Users(ada, root)
        assert root.delete(f"/api/v1/users/{user['id']}").status_code == 200


def test_the_oldest_responses_are_dropped_beyond_the_number(narrow: httpx2.Client) -> None:
    flow = create_flow(narrow, echo_flow())
    ids = [narrow.post("/v1/responses", json={"model": flow, "input": str(n)}).json()["id"] for n in range(5)]
    assert [narrow.get(f"/v1/responses/{i}").status_code for i in ids] == [404, 404, 200, 200, 200]


def test_the_oldest_responses_are_dropped_beyond_the_size(narrow: httpx2.Client) -> None:
    flow = create_flow(narrow, echo_flow())
    # Each is stored with its input and its output.
    ids = [narrow.post("/v1/responses", json={"model": flow, "input": "x" * 30_000}).json()["id"] for _ in range(2)]
    assert [narrow.get(f"/v1/responses/{i}").status_code for i in ids] == [404, 200]


def test_background_responses_are_not_dropped_before_they_end(users: Users, model_url: str) -> None:
    ada = users.ada
    flow = create_flow(ada, model_flow(model_url, KEY))
    body = {"model": flow, "input": NEVER, "background": True}
    ids = [ada.post("/v1/responses", json=body).json()["id"] for _ in range(4)]
    quick = create_flow(ada, echo_flow())
    ended = [ada.post("/v1/responses", json={"model": quick, "input": "x"}).json()["id"] for _ in range(2)]
    assert [ada.get(f"/v1/responses/{i}").status_code for i in (*ids, *ended)] == [200] * 4 + [404, 200]
    # The jobs of a deleted flow are gone.
    assert ada.delete(f"/api/v1/flows/{flow}").status_code == 200
    last = ada.post("/v1/responses", json={"model": quick, "input": "x"}).json()["id"]
    remaining = [ada.get(f"/v1/responses/{i}").status_code for i in (*ids, *ended[1:], last)]
    assert remaining == [404, 404, 404, 200, 200, 200]


def test_conversations_are_limited_in_number_and_size(narrow: httpx2.Client) -> None:
    flow = create_flow(narrow, echo_flow())
    first, _ = (narrow.post("/v1/conversations", json={}).json()["id"] for _ in range(2))
    third = narrow.post("/v1/conversations", json={})
    assert (third.status_code, "HEADRACE_MAX_CONVERSATIONS" in third.json()["error"]["message"]) == (409, True)
    items = {"items": [{"role": "user", "content": "x" * 90_000}]}
    assert narrow.post(f"/v1/conversations/{first}/items", json=items).status_code == 200
    for response in (
        narrow.post(f"/v1/conversations/{first}/items", json=items),
        narrow.post("/v1/responses", json={"model": flow, "input": "x" * 20_000, "conversation": first}),
    ):
        assert response.status_code == 409
        assert "HEADRACE_MAX_CONVERSATION_BYTES" in response.json()["error"]["message"]


@pytest.mark.parametrize("way", ["whole", "stream", "background"])
def test_the_output_counts_towards_the_size_of_conversations(narrow: httpx2.Client, way: str) -> None:
    flow = create_flow(narrow, echo_flow())
    path = f"/v1/conversations/{narrow.post('/v1/conversations', json={}).json()['id']}"
    body = {"model": flow, "input": "x" * 60_000, "conversation": path.rpartition("/")[2], way: way != "whole"}
    response = narrow.post("/v1/responses", json={k: v for k, v in body.items() if k != "whole"})
    if way == "stream":
        ended = json.loads(response.text.strip().rpartition("data: ")[2])["response"]
    else:
        ended = response.json()
    stored = f"/v1/responses/{ended['id']}"
    until(lambda: narrow.get(stored).json()["status"] not in {"queued", "in_progress"})
    if way == "background":
        ended = narrow.get(stored).json()
    assert narrow.get(stored).json() == ended
    assert ended["status"] == "failed"
    assert "HEADRACE_MAX_CONVERSATION_BYTES" in ended["error"]["message"]
    assert ended["output"][0]["content"][0]["text"] == "x" * 60_000
    assert narrow.get(f"{path}/items").json()["data"] == []


async def count_rows(settings: Settings, user_id: UUID) -> dict[str, int]:
    """Return the number of a user's rows in each table of the OpenAI API."""
    database = Database(settings)
    await database.open()
    try:
        async with database.connect() as connection:
            return {
                table.name: (
                    await connection.execute(select(func.count()).select_from(table).where(table.c.user_id == user_id))
                ).scalar_one()
                for table in (responses, conversations, conversation_items)
            }
    finally:
        await database.close()


def test_everything_stored_is_deleted_with_the_user(database_url: str | None, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, database_url)
    app = create_app(settings)
    with open_users(app) as users:
        flow = create_flow(users.ada, echo_flow())
        conversation = users.ada.post("/v1/conversations", json={}).json()["id"]
        body = {"model": flow, "input": "x", "conversation": conversation}
        assert users.ada.post("/v1/responses", json=body).status_code == 200
        user_id = UUID(users.ada.get("/api/v1/users/whoami").json()["id"])
        stored = asyncio.run(count_rows(settings, user_id))
    assert stored == {"response": 1, "conversation": 1, "conversation_item": 2}
    assert set(asyncio.run(count_rows(settings, user_id)).values()) == {0}


def test_a_response_can_be_cancelled_over_another_server(
    database_url: str | None, tmp_path: Path, model_url: str
) -> None:
    if database_url is None:
        pytest.skip("an SQLite database supports a single server")
    gave_up = f"{model_url.removesuffix('/v1')}/gave-up"
    first, second = (create_app(settings_for(tmp_path, database_url, job_lease_seconds=1)) for _ in range(2))
    with serving(first) as base, httpx2.Client(base_url=base, headers=log_in(base), timeout=30) as client:
        flow = create_flow(client, model_flow(model_url, KEY))
        path = client.post("/v1/responses", json={"model": flow, "input": NEVER, "background": True}).json()["id"]
        path = f"/v1/responses/{path}"
        until(lambda: httpx2.get(gave_up.replace("gave-up", "waits")).json() is True)
        with serving(second) as other:
            cancelled = httpx2.post(f"{other}{path}/cancel", headers=dict(client.headers), timeout=30)
            assert cancelled.json()["status"] == "cancelled"
            until(lambda: httpx2.get(gave_up).json() is True)
        assert client.get(path).json()["status"] == "cancelled"


def test_objects_of_others_are_missing(users: Users) -> None:
    ada, root = users
    flow = create_flow(ada, echo_flow())
    conversation = ada.post("/v1/conversations", json={"items": [{"role": "user", "content": "x"}]}).json()["id"]
    item = ada.get(f"/v1/conversations/{conversation}/items").json()["data"][0]["id"]
    response = ada.post("/v1/responses", json={"model": flow, "input": "x"}).json()["id"]
    file = ada.post("/v1/files", files={"file": ("a.txt", b"x")}, data={"purpose": "batch"}).json()["id"]
    for method, path in [
        ("GET", f"/v1/responses/{response}"),
        ("GET", f"/v1/responses/{response}/input_items"),
        ("POST", f"/v1/responses/{response}/cancel"),
        ("DELETE", f"/v1/responses/{response}"),
        ("GET", f"/v1/conversations/{conversation}"),
        ("GET", f"/v1/conversations/{conversation}/items"),
        ("GET", f"/v1/conversations/{conversation}/items/{item}"),
        ("DELETE", f"/v1/conversations/{conversation}/items/{item}"),
        ("DELETE", f"/v1/conversations/{conversation}"),
        ("GET", f"/v1/files/{file}"),
        ("GET", f"/v1/files/{file}/content"),
        ("DELETE", f"/v1/files/{file}"),
        ("GET", f"/v1/models/{flow}"),
    ]:
        assert root.request(method, path).status_code == 404, (method, path)
    for path, body in [
        (f"/v1/conversations/{conversation}", {"metadata": {}}),
        (f"/v1/conversations/{conversation}/items", {"items": [{"role": "user", "content": "x"}]}),
    ]:
        assert root.post(path, json=body).status_code == 404, path
    own = create_flow(root, echo_flow())
    content = [{"type": "input_file", "file_id": file}]
    for body, status in [
        ({"previous_response_id": response}, 400),
        ({"conversation": conversation}, 404),
        ({"input": [{"role": "user", "content": content}]}, 404),
        ({"model": flow}, 404),
    ]:
        assert root.post("/v1/responses", json={"model": own, "input": "x", **body}).status_code == status, body
    assert ada.get(f"/v1/responses/{response}").status_code == 200
    assert ada.get(f"/v1/conversations/{conversation}/items/{item}").status_code == 200
    assert ada.get(f"/v1/files/{file}/content").content == b"x"


def is_completed(client: httpx2.Client, path: str) -> bool:
    return bool(client.get(path).json()["status"] == "completed")


def test_background_responses_of_a_killed_server_end_after_a_restart(database_url: str | None, tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    process = start(port, tmp_path, database_url, HEADRACE_MAX_JOBS="1", HEADRACE_JOB_LEASE="2")
    try:
        with httpx2.Client(base_url=base, headers=log_in(base)) as client:
            flow = create_flow(client, echo_flow())
            conversation = client.post("/v1/conversations", json={}).json()["id"]
            body = {"model": flow, "background": True, "conversation": conversation}
            created = [client.post("/v1/responses", json={**body, "input": f"text {n}"}).json() for n in range(20)]
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert {response["status"] for response in created} == {"queued"}
    process = start(port, tmp_path, database_url, HEADRACE_JOB_LEASE="2")
    try:
        with httpx2.Client(base_url=base, headers=log_in(base)) as client:
            for n, response in enumerate(created):
                path = f"/v1/responses/{response['id']}"
                until(functools.partial(is_completed, client, path), 60)
                assert client.get(path).json()["output"][0]["content"][0]["text"] == f"text {n}"
            items = client.get(f"/v1/conversations/{conversation}/items", params={"limit": 100}).json()["data"]
            assert sorted(i["content"][0]["text"] for i in items) == sorted(
                f"text {n}" for n in range(20) for _ in "io"
            )
    finally:
        process.terminate()
        process.wait(20)


def test_a_background_response_whose_run_a_stopping_server_ends_runs_again(
    database_url: str | None, tmp_path: Path, model_url: str
) -> None:
    waits = f"{model_url.removesuffix('/v1')}/waits"
    requests = f"{model_url.removesuffix('/v1')}/count"
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    process = start(
        port, tmp_path, database_url, HEADRACE_SHUTDOWN_GRACE_SECONDS="1", LANGFLOW_SSRF_ALLOWED_HOSTS="127.0.0.1"
    )
    try:
        with httpx2.Client(base_url=base, headers=log_in(base)) as client:
            flow = create_flow(client, model_flow(model_url, KEY))
            response = client.post("/v1/responses", json={"model": flow, "input": NEVER, "background": True}).json()
            until(lambda: httpx2.get(waits).json() is True)
            before = httpx2.get(requests).json()
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    finally:
        process.kill()
    # On a shared database, a server of other tests may start it before.
    process = start(
        port, tmp_path, database_url, HEADRACE_SHUTDOWN_GRACE_SECONDS="0", LANGFLOW_SSRF_ALLOWED_HOSTS="127.0.0.1"
    )
    try:
        with httpx2.Client(base_url=base, headers=log_in(base)) as client:
            path = f"/v1/responses/{response['id']}"
            assert client.get(path).json()["status"] in {"queued", "in_progress"}
            until(lambda: httpx2.get(requests).json() > before)
            assert client.post(f"{path}/cancel").json()["status"] == "cancelled"
    finally:
        process.terminate()
        process.wait(60)
