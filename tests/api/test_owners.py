"""What is one user's is nobody else's."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from headrace.app import create_app
from headrace.auth.passwords import hash_password
from headrace.store import users
from headrace.store.store import Store
from tests.conftest import PASSWORD, settings_for
from tests.flow_builder import echo_flow
from tests.server import serving


@pytest.fixture
def ada_and_bob(database_url: str | None, tmp_path: Path) -> Iterator[tuple[httpx2.Client, httpx2.Client]]:
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
        for name in names:
            token = httpx2.post(f"{base}/api/v1/login", data={"username": name, "password": PASSWORD}).json()[
                "access_token"
            ]
            clients.append(httpx2.Client(base_url=base, headers={"authorization": f"Bearer {token}"}))
        yield clients[0], clients[1]
        for client in clients:
            client.close()


def test_another_users_things_are_not_there(ada_and_bob: tuple[httpx2.Client, httpx2.Client]) -> None:
    ada, bob = ada_and_bob
    project = ada.post("/api/v1/projects/", json={"name": "ada's"}).json()["id"]
    flow = ada.post(
        "/api/v1/flows/", json={"name": "ada's", "endpoint_name": "adas", "folder_id": project, "data": echo_flow()}
    ).json()["id"]
    key = ada.post("/api/v1/api_key/", json={"name": "ada's"}).json()["id"]
    assert ada.post(f"/api/v1/run/{flow}", json={"input_value": "secret", "session_id": "shared"}).status_code == 200
    for method, path, body in [
        ("GET", f"/api/v1/flows/{flow}", None),
        ("PATCH", f"/api/v1/flows/{flow}", {"name": "bob's"}),
        ("DELETE", f"/api/v1/flows/{flow}", None),
        ("GET", f"/api/v1/projects/{project}", None),
        ("PATCH", f"/api/v1/projects/{project}", {"name": "bob's"}),
        ("DELETE", f"/api/v1/projects/{project}", None),
        ("DELETE", f"/api/v1/api_key/{key}", None),
        ("POST", f"/api/v1/run/{flow}", {"input_value": "x"}),
        ("POST", "/api/v1/run/adas", {"input_value": "x"}),
    ]:
        assert bob.request(method, path, json=body).status_code == 404, (method, path)
    assert bob.get("/api/v1/flows/").json() == []
    assert bob.get("/api/v1/projects/").json() == []
    assert bob.get("/api/v1/monitor/messages", params={"session_id": "shared"}).json() == []
    moved = bob.post("/api/v1/flows/", json={"name": "bob's", "folder_id": project}).json()
    assert moved["folder_id"] != project
    stolen = bob.post("/api/v1/projects/", json={"name": "bob's", "flows_list": [flow]}).json()["id"]
    assert bob.get(f"/api/v1/projects/{stolen}").json()["flows"] == []
    assert ada.get(f"/api/v1/flows/{flow}").json()["folder_id"] == project
