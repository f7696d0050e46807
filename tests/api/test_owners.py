"""Users cannot access each other's objects."""

from __future__ import annotations

import asyncio
import functools
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from headrace.app import create_app
from headrace.auth.passwords import hash_password
from headrace.db import users as user_rows
from headrace.db.database import Database
from headrace.services.knowledge_bases import KnowledgeBase, KnowledgeBases
from headrace.settings import Settings
from tests.conftest import PASSWORD, settings_for
from tests.support.flow_builder import echo_flow
from tests.support.openapi import ENDLESS
from tests.support.server import serving

#: A text in Ada's objects. No response to another user may contain it.
SECRET = "ada's own words"


@dataclass
class Users:
    ada: httpx2.Client
    bob: httpx2.Client
    #: A superuser.
    root: httpx2.Client
    settings: Settings


async def add_user(name: str, connection: AsyncConnection) -> UUID:
    return await user_rows.add(connection, name, hash_password(PASSWORD), is_superuser=False, is_active=True)


@pytest.fixture
def users(database_url: str | None, tmp_path: Path) -> Iterator[Users]:
    settings = settings_for(tmp_path, database_url)
    names = [f"user-{uuid.uuid4()}" for _ in range(2)]

    async def create_users() -> None:
        database = Database(settings)
        await database.open()
        for name in names:
            await database.write(functools.partial(add_user, name))
        await database.close()

    asyncio.run(create_users())
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
        ada, bob, root = clients
        yield Users(ada, bob, root, settings)
        for client in clients:
            client.close()


@pytest.fixture
def ids(users: Users) -> dict[str, str]:
    """Return the ids of Ada's objects by the name of the path parameter that takes them."""
    ada = users.ada
    user_id = ada.get("/api/v1/users/whoami").json()["id"]
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
    uploaded = ada.post(f"/api/v1/files/upload/{flow['id']}", files={"file": ("a.png", SECRET.encode())}).json()
    KnowledgeBases(users.settings.storage.knowledge_bases_folder, 10**9).save(
        uuid.UUID(user_id), KnowledgeBase(name="ada's base")
    )
    variable = {"name": "ADA", "value": SECRET, "type": "Generic", "default_fields": []}
    response = ada.post("/v1/responses", json={"model": flow["id"], "input": SECRET, "store": True}).json()
    conversation = ada.post("/v1/conversations", json={"items": [{"role": "user", "content": SECRET}]}).json()["id"]
    assert ada.post("/api/v2/mcp/servers/adas", json=MCP_SERVER).status_code == 200
    return {
        "server_name": "adas",
        "response_id": response["id"],
        "conversation_id": conversation,
        "item_id": ada.get(f"/v1/conversations/{conversation}/items").json()["data"][0]["id"],
        "model": flow["endpoint_name"],
        "user_id": user_id,
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
        "file_name": uploaded["file_path"].rpartition("/")[2],
        "file_id": ada.post("/api/v2/files", files={"file": ("a.txt", SECRET.encode())}).json()["id"],
        "variable_id": ada.post("/api/v1/variables/", json=variable).json()["id"],
        "kb_name": "ada's base",
        "component_id": str(uuid.uuid4()),
        "_task_id": "any",
        "folder_name": "Space",
        "transport": "streamable",
        "background_job_id": ada.post(f"/api/v1/webhook/{flow['id']}", content=SECRET).json()["job_id"],
        "job_id": ada.post(f"/api/v1/build/{flow['id']}/flow", json={}).json()["job_id"],
    }


MCP_SERVER = {"url": "https://mcp.example/mcp", "headers": {"x": SECRET}}
#: The request bodies that are not empty.
BODIES: dict[str, Any] = {
    "POST /v1/conversations/{conversation_id}": {"metadata": {}},
    "POST /v1/conversations/{conversation_id}/items": {"items": [{"role": "user", "content": "bob's"}]},
    "PATCH /api/v1/users/{user_id}": {"profile_image": "bob's"},
    "PATCH /api/v1/users/{user_id}/reset-password": {"password": "bob's own"},
    "PATCH /api/v1/projects/{project_id}": {"name": "bob's"},
    "PATCH /api/v1/folders/{folder_id}": {"name": "bob's"},
    "PATCH /api/v1/flows/{flow_id}": {"name": "bob's"},
    "PATCH /api/v1/variables/{variable_id}": {"value": "bob's"},
    "PATCH /api/v2/mcp/servers/{server_name}": {"url": "https://bob.example/mcp"},
    "POST /api/v2/mcp/servers/{server_name}": {"url": "https://bob.example/mcp"},
    "PUT /api/v1/monitor/messages/{message_id}": {"text": "bob's"},
    "PATCH /api/v1/mcp/project/{project_id}": {"settings": []},
    "POST /api/v1/mcp/project/{project_id}/install": {"client": "cursor"},
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
#: Operations whose status for another user is neither 403 nor 404, and why that is safe.
OTHER_STATUSES = {
    "POST /api/v2/mcp/servers/{server_name}": 200,  # adds Bob's own server with that name
    "PATCH /api/v2/mcp/servers/{server_name}": 200,  # Bob's own
    "DELETE /api/v2/mcp/servers/{server_name}": 200,
    "GET /api/v2/mcp/servers/{server_name}": 200,
    "PATCH /api/v1/users/{user_id}/reset-password": 400,  # the recorded status; the password stays the same
    "POST /api/v1/predict/{_flow_id}": 400,  # removed, for all users
    "POST /api/v1/process/{_flow_id}": 400,
    "GET /api/v1/task/{_task_id}": 400,
    "GET /api/v1/store/components/{component_id}": 400,  # the store is disabled, for all users
    "PATCH /api/v1/store/components/{component_id}": 400,
    "POST /api/v1/store/users/likes/{component_id}": 400,
    "DELETE /api/v1/monitor/messages/session/{session_id}": 204,  # deletes Bob's session with that name, which does not exist
    "GET /api/v1/flows/public_flow/{flow_id}": 403,
    "POST /api/v1/build_public_tmp/{flow_id}/flow": 400,  # a visitor without a cookie
    "GET /api/v1/build_public_tmp/{job_id}/events": 400,
    "POST /api/v1/build_public_tmp/{job_id}/cancel": 400,
}


@pytest.mark.parametrize("username", ["bob", "root"])
def test_no_endpoint_exposes_objects_of_another_user(users: Users, ids: dict[str, str], username: str) -> None:
    other_user = getattr(users, username)
    paths = create_app(users.settings).openapi()["paths"]
    request_count = 0
    for path, methods in paths.items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            path_parameters = [p["name"] for p in operation.get("parameters", []) if p["in"] == "path"]
            # A superuser may manage users, but not access their other objects.
            if not path_parameters or (username == "root" and path.startswith("/api/v1/users/")):
                continue
            assert set(path_parameters) <= set(ids), f"{name} takes an id that this test does not know"
            request: dict[str, Any] = {"params": QUERIES.get(name, {})}
            content = operation.get("requestBody", {}).get("content", {})
            if "multipart/form-data" in content:
                request["files"] = {"file": ("b.txt", b"bob's")}
            elif content or name in BODIES:
                request["json"] = BODIES.get(name, {})
            response = other_user.request(method, path.format(**ids), **request)
            assert response.status_code in {OTHER_STATUSES.get(name, 404), 403, 404}, (
                name,
                response.status_code,
                response.text,
            )
            assert SECRET not in response.text, name
            request_count += 1
    assert request_count > 35
    assert_untouched(users, ids)


def test_no_list_contains_objects_of_another_user(users: Users, ids: dict[str, str]) -> None:
    params = {"flow_id": ids["flow_id"], "folder_id": ids["folder_id"], "session_id": "shared"}
    for path, methods in create_app(users.settings).openapi()["paths"].items():
        if "get" in methods and "{" not in path and f"GET {path}" not in ENDLESS:
            response = users.bob.get(path, params=params)
            assert response.status_code < 500 or response.status_code == 501, path
            for text in (
                SECRET,
                *(ids[n] for n in ("user_id", "project_id", "flow_id", "message_id", "file_id", "api_key_id")),
            ):
                assert text not in response.text, (path, text)


def test_batch_requests_affect_only_the_callers_objects(users: Users, ids: dict[str, str]) -> None:
    for method, path, body, status in [
        ("DELETE", "/api/v1/flows/", [ids["flow_id"]], 200),
        ("POST", "/api/v1/flows/download/", [ids["flow_id"]], 404),
        ("DELETE", "/api/v1/monitor/messages", [ids["message_id"]], 204),
        ("POST", "/api/v2/files/batch/", [ids["file_id"]], 404),
        ("DELETE", "/api/v2/files/batch/", [ids["file_id"]], 404),
        ("DELETE", "/api/v1/knowledge_bases", {"kb_names": ["ada's base"]}, 404),
    ]:
        response = users.bob.request(method, path, json=body)
        assert response.status_code == status, (method, path, response.text)
        assert SECRET not in response.text
    assert users.bob.delete("/api/v2/files").json() == {"message": "All 0 files deleted successfully"}
    assert users.bob.delete("/api/v1/monitor/builds", params={"flow_id": ids["flow_id"]}).status_code == 204
    assert_untouched(users, ids)


def test_a_flow_cannot_be_added_to_another_users_project(users: Users, ids: dict[str, str]) -> None:
    created = users.bob.post("/api/v1/flows/", json={"name": "bob's", "folder_id": ids["project_id"]}).json()
    assert created["folder_id"] != ids["project_id"]
    flow_file = {"file": ("f.json", json.dumps({"name": "bob's up"}).encode())}
    imported = users.bob.post("/api/v1/flows/upload/", params={"folder_id": ids["project_id"]}, files=flow_file).json()
    assert imported[0]["folder_id"] != ids["project_id"]
    project_id = users.bob.post("/api/v1/projects/", json={"name": "bob's", "flows_list": [ids["flow_id"]]}).json()[
        "id"
    ]
    assert users.bob.get(f"/api/v1/projects/{project_id}").json()["flows"] == []
    assert_untouched(users, ids)


def assert_untouched(users: Users, ids: dict[str, str]) -> None:
    ada = users.ada
    flow = ada.get(f"/api/v1/flows/{ids['flow_id']}").json()
    assert (flow["name"], flow["folder_id"]) == (SECRET, ids["project_id"])
    assert ada.get(f"/api/v1/projects/{ids['project_id']}").json()["name"] == SECRET
    assert ada.get("/api/v1/users/whoami").json()["profile_image"] is None
    texts = {m["text"] for m in ada.get("/api/v1/monitor/messages", params={"session_id": "shared"}).json()}
    assert texts == {SECRET}
    assert ada.get(f"/api/v2/files/{ids['file_id']}").text == SECRET
    assert ada.get(f"/api/v1/files/list/{ids['flow_id']}").json()["files"] == [ids["file_name"]]
    assert {v["value"] for v in ada.get("/api/v1/variables/").json()} == {SECRET}
    assert ada.get("/api/v2/mcp/servers/adas").json()["url"] == MCP_SERVER["url"]
    assert [k["id"] for k in ada.get("/api/v1/api_key/").json()["api_keys"]] == [ids["api_key_id"]]
    assert [b["name"] for b in ada.get("/api/v1/knowledge_bases").json()] == ["ada's base"]
