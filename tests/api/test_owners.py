"""What is one user's is nobody else's."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.app import create_app
from headrace.auth.passwords import hash_password
from headrace.files.knowledge import KnowledgeBase, KnowledgeBases
from headrace.settings import Settings
from headrace.store import users
from headrace.store.store import Store
from tests.conftest import PASSWORD, settings_for
from tests.flow_builder import echo_flow
from tests.server import serving

#: What only Ada knows. No answer to Bob may hold it.
SECRET = "ada's own words"


@dataclass
class Two:
    ada: httpx2.Client
    bob: httpx2.Client
    #: A superuser.
    root: httpx2.Client
    settings: Settings


@pytest.fixture
def two(database_url: str | None, tmp_path: Path) -> Iterator[Two]:
    settings = settings_for(tmp_path, database_url)
    names = [f"user-{uuid.uuid4()}" for _ in range(2)]

    async def make() -> None:
        store = Store(settings)
        await store.open()
        for name in names:
            await store.write(
                lambda c, name=name: users.add(c, name, hash_password(PASSWORD), is_superuser=False, is_active=True)
            )
        await store.close()

    asyncio.run(make())
    with serving(create_app(settings)) as base:
        clients = []
        for name in [*names, "admin"]:
            token = httpx2.post(f"{base}/api/v1/login", data={"username": name, "password": PASSWORD}).json()[
                "access_token"
            ]
            clients.append(
                httpx2.Client(
                    base_url=base, headers={"authorization": f"Bearer {token}"}, follow_redirects=True, timeout=30
                )
            )
        yield Two(*clients, settings)
        for client in clients:
            client.close()


@pytest.fixture
def ids(two: Two) -> dict[str, str]:
    """Everything that Ada can own, by the name of the parameter that asks for it."""
    ada = two.ada
    me = ada.get("/api/v1/users/whoami").json()["id"]
    project = ada.post("/api/v1/projects/", json={"name": SECRET, "description": SECRET}).json()["id"]
    flow = ada.post(
        "/api/v1/flows/",
        json={
            "name": SECRET,
            "description": SECRET,
            "endpoint_name": f"ada-{uuid.uuid4().hex}",
            "folder_id": project,
            "data": echo_flow(),
        },
    ).json()
    assert (
        ada.post(f"/api/v1/run/{flow['id']}", json={"input_value": SECRET, "session_id": "shared"}).status_code == 200
    )
    message = ada.get("/api/v1/monitor/messages", params={"session_id": "shared"}).json()[0]["id"]
    sent = ada.post(f"/api/v1/files/upload/{flow['id']}", files={"file": ("a.png", SECRET.encode())}).json()
    KnowledgeBases(two.settings.knowledge_bases_folder).keep(uuid.UUID(me), KnowledgeBase(name="ada's base"))
    variable = {"name": "ADA", "value": SECRET, "type": "Generic", "default_fields": []}
    return {
        "user_id": me,
        "project_id": project,
        "folder_id": project,
        "flow_id": flow["id"],
        "_flow_id": flow["id"],
        "vertex_id": "ChatInput-a",
        "digest": "0" * 64,
        "flow_id_or_name": flow["endpoint_name"],
        "api_key_id": ada.post("/api/v1/api_key/", json={"name": SECRET}).json()["id"],
        "message_id": message,
        "session_id": "shared",
        "old_session_id": "shared",
        "file_name": sent["file_path"].rpartition("/")[2],
        "file_id": ada.post("/api/v2/files", files={"file": ("a.txt", SECRET.encode())}).json()["id"],
        "variable_id": ada.post("/api/v1/variables/", json=variable).json()["id"],
        "kb_name": "ada's base",
        "component_id": str(uuid.uuid4()),
        "_task_id": "any",
        "folder_name": "Space",
        "background_job_id": ada.post(f"/api/v1/webhook/{flow['id']}", content=SECRET).json()["job_id"],
        "job_id": ada.post(f"/api/v1/build/{flow['id']}/flow", json={}).json()["job_id"],
    }


#: What a request needs beside ids. Everything else is left empty.
BODIES: dict[str, Any] = {
    "PATCH /api/v1/users/{user_id}": {"profile_image": "bob's"},
    "PATCH /api/v1/users/{user_id}/reset-password": {"password": "bob's own"},
    "PATCH /api/v1/projects/{project_id}": {"name": "bob's"},
    "PATCH /api/v1/folders/{folder_id}": {"name": "bob's"},
    "PATCH /api/v1/flows/{flow_id}": {"name": "bob's"},
    "PATCH /api/v1/variables/{variable_id}": {"value": "bob's"},
    "PUT /api/v1/monitor/messages/{message_id}": {"text": "bob's"},
    "POST /api/v1/run/{flow_id_or_name}": {"input_value": "x"},
    "POST /api/v1/run/advanced/{flow_id_or_name}": {},
    "POST /api/v1/build/{flow_id}/vertices": {"nodes": [], "edges": []},
    "PATCH /api/v1/store/components/{component_id}": {
        "name": "x",
        "description": "",
        "data": {},
        "tags": [],
        "is_component": True,
    },
}
QUERIES: dict[str, dict[str, str]] = {
    "PUT /api/v2/files/{file_id}": {"name": "bob's"},
    "PATCH /api/v1/monitor/messages/session/{old_session_id}": {"new_session_id": "bob's"},
}
#: Operations on ids that answer a stranger with something else than 403 or 404, and why that gives nothing away.
OTHERWISE = {
    "PATCH /api/v1/users/{user_id}/reset-password": 400,  # the recorded status; nothing is changed
    "POST /api/v1/predict/{_flow_id}": 400,  # gone, for everybody
    "POST /api/v1/process/{_flow_id}": 400,
    "GET /api/v1/task/{_task_id}": 400,
    "GET /api/v1/store/components/{component_id}": 400,  # the store is off, for everybody
    "PATCH /api/v1/store/components/{component_id}": 400,
    "POST /api/v1/store/users/likes/{component_id}": 400,
    "DELETE /api/v1/monitor/messages/session/{session_id}": 204,  # deletes Bob's session of that name, of which he has none
    "GET /api/v1/flows/public_flow/{flow_id}": 403,
    "POST /api/v1/build_public_tmp/{flow_id}/flow": 400,  # a visitor without a cookie
    "GET /api/v1/build_public_tmp/{job_id}/events": 400,
    "POST /api/v1/build_public_tmp/{job_id}/cancel": 400,
}


@pytest.mark.parametrize("who", ["bob", "root"])
def test_no_endpoint_gives_a_stranger_what_is_not_theirs(two: Two, ids: dict[str, str], who: str) -> None:
    stranger = getattr(two, who)
    paths = create_app(two.settings).openapi()["paths"]
    walked = 0
    for path, methods in paths.items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            in_path = [p["name"] for p in operation.get("parameters", []) if p["in"] == "path"]
            # A superuser is a stranger too, but for the users themselves.
            if not in_path or (who == "root" and path.startswith("/api/v1/users/")):
                continue
            assert set(in_path) <= set(ids), f"{name} takes an id that this test does not know"
            request: dict[str, Any] = {"params": QUERIES.get(name, {})}
            content = operation.get("requestBody", {}).get("content", {})
            if "multipart/form-data" in content:
                request["files"] = {"file": ("b.txt", b"bob's")}
            elif content or name in BODIES:
                request["json"] = BODIES.get(name, {})
            answer = stranger.request(method, path.format(**ids), **request)
            assert answer.status_code in {OTHERWISE.get(name, 404), 403, 404}, (name, answer.status_code, answer.text)
            assert SECRET not in answer.text, name
            walked += 1
    assert walked > 35
    assert_untouched(two, ids)


def test_no_list_shows_a_stranger_what_is_not_theirs(two: Two, ids: dict[str, str]) -> None:
    asked = {"flow_id": ids["flow_id"], "folder_id": ids["folder_id"], "session_id": "shared"}
    for path, methods in create_app(two.settings).openapi()["paths"].items():
        if "get" in methods and "{" not in path and path != "/logs-stream":
            answer = two.bob.get(path, params=asked)
            assert answer.status_code < 500 or answer.status_code == 501, path
            for text in (
                SECRET,
                *(ids[n] for n in ("user_id", "project_id", "flow_id", "message_id", "file_id", "api_key_id")),
            ):
                assert text not in answer.text, (path, text)


def test_lists_of_ids_touch_only_what_is_the_callers(two: Two, ids: dict[str, str]) -> None:
    for method, path, body, status in [
        ("DELETE", "/api/v1/flows/", [ids["flow_id"]], 200),
        ("POST", "/api/v1/flows/download/", [ids["flow_id"]], 404),
        ("DELETE", "/api/v1/monitor/messages", [ids["message_id"]], 204),
        ("POST", "/api/v2/files/batch/", [ids["file_id"]], 404),
        ("DELETE", "/api/v2/files/batch/", [ids["file_id"]], 404),
        ("DELETE", "/api/v1/knowledge_bases", {"kb_names": ["ada's base"]}, 404),
    ]:
        answer = two.bob.request(method, path, json=body)
        assert answer.status_code == status, (method, path, answer.text)
        assert SECRET not in answer.text
    assert two.bob.delete("/api/v2/files").json() == {"message": "All 0 files deleted successfully"}
    assert two.bob.delete("/api/v1/monitor/builds", params={"flow_id": ids["flow_id"]}).status_code == 204
    assert_untouched(two, ids)


def test_a_flow_lands_in_no_project_of_somebody_else(two: Two, ids: dict[str, str]) -> None:
    moved = two.bob.post("/api/v1/flows/", json={"name": "bob's", "folder_id": ids["project_id"]}).json()
    assert moved["folder_id"] != ids["project_id"]
    drawn = {"file": ("f.json", json.dumps({"name": "bob's up"}).encode())}
    up = two.bob.post("/api/v1/flows/upload/", params={"folder_id": ids["project_id"]}, files=drawn).json()
    assert up[0]["folder_id"] != ids["project_id"]
    stolen = two.bob.post("/api/v1/projects/", json={"name": "bob's", "flows_list": [ids["flow_id"]]}).json()["id"]
    assert two.bob.get(f"/api/v1/projects/{stolen}").json()["flows"] == []
    assert_untouched(two, ids)


def assert_untouched(two: Two, ids: dict[str, str]) -> None:
    ada = two.ada
    flow = ada.get(f"/api/v1/flows/{ids['flow_id']}").json()
    assert (flow["name"], flow["folder_id"]) == (SECRET, ids["project_id"])
    assert ada.get(f"/api/v1/projects/{ids['project_id']}").json()["name"] == SECRET
    assert ada.get("/api/v1/users/whoami").json()["profile_image"] is None
    texts = {m["text"] for m in ada.get("/api/v1/monitor/messages", params={"session_id": "shared"}).json()}
    assert texts == {SECRET}
    assert ada.get(f"/api/v2/files/{ids['file_id']}").text == SECRET
    assert ada.get(f"/api/v1/files/list/{ids['flow_id']}").json()["files"] == [ids["file_name"]]
    assert {v["value"] for v in ada.get("/api/v1/variables/").json()} == {SECRET}
    assert [k["id"] for k in ada.get("/api/v1/api_key/").json()["api_keys"]] == [ids["api_key_id"]]
    assert [b["name"] for b in ada.get("/api/v1/knowledge_bases").json()] == ["ada's base"]
