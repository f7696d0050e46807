"""Creating, changing and deleting users."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from headrace.app import create_app
from headrace.services.knowledge_bases import KnowledgeBase, KnowledgeBases
from tests.conftest import PASSWORD, settings_for
from tests.support.clients import signed_in
from tests.support.flow_builder import echo_flow


def create_user(client: httpx2.Client, **patch: object) -> tuple[str, str]:
    name = f"user-{uuid.uuid4()}"
    user_id = client.post("/api/v1/users/", json={"username": name, "password": PASSWORD}).json()["id"]
    assert client.patch(f"/api/v1/users/{user_id}", json={"is_active": True, **patch}).status_code == 200
    return user_id, name


def as_user(client: httpx2.Client, name: str) -> httpx2.Client:
    token = httpx2.post(f"{client.base_url}/api/v1/login", data={"username": name, "password": PASSWORD}).json()[
        "access_token"
    ]
    return httpx2.Client(base_url=client.base_url, headers={"authorization": f"Bearer {token}"})


def test_a_deactivated_user_loses_access_immediately(client: httpx2.Client, anonymous: httpx2.Client) -> None:
    user_id, name = create_user(client)
    with as_user(client, name) as user:
        key = user.post("/api/v1/api_key/", json={}).json()["api_key"]
        assert anonymous.get("/api/v1/flows/", headers={"x-api-key": key}).status_code == 200
        client.patch(f"/api/v1/users/{user_id}", json={"is_active": False})
        assert user.get("/api/v1/flows/").status_code == 401
        assert anonymous.get("/api/v1/flows/", headers={"x-api-key": key}).status_code == 403
    response = anonymous.post("/api/v1/login", data={"username": name, "password": PASSWORD})
    assert (response.status_code, response.json()["detail"]) == (400, "Inactive user")


def test_a_superuser_sets_rights_names_and_passwords(client: httpx2.Client) -> None:
    user_id, name = create_user(client, is_superuser=True)
    with as_user(client, name) as user:
        assert user.get("/api/v1/users/").status_code == 200
    client.patch(f"/api/v1/users/{user_id}", json={"password": "another one", "username": f"{name}-2"})
    response = httpx2.post(f"{client.base_url}/api/v1/login", data={"username": f"{name}-2", "password": "another one"})
    assert response.status_code == 200
    rejected = client.patch(f"/api/v1/users/{user_id}", json={"username": "admin"})
    assert (rejected.status_code, rejected.json()["detail"]) == (400, "This username is unavailable.")


def test_users_are_listed_by_page(client: httpx2.Client) -> None:
    for _ in range(3):
        create_user(client)
    first = client.get("/api/v1/users/", params={"limit": 2}).json()
    second = client.get("/api/v1/users/", params={"limit": 2, "skip": 2}).json()
    assert first["total_count"] >= 4
    assert len(first["users"]) == 2
    assert not {u["id"] for u in first["users"]} & {u["id"] for u in second["users"]}


@pytest.fixture
def active_user_client(database_url: str | None, tmp_path: Path) -> Iterator[httpx2.Client]:
    settings = settings_for(tmp_path, database_url, new_user_is_active=True)
    with signed_in(create_app(settings)) as client:
        yield client


def test_deleting_a_user_deletes_everything_the_user_owns(active_user_client: httpx2.Client, tmp_path: Path) -> None:
    name = f"user-{uuid.uuid4()}"
    user_id = active_user_client.post("/api/v1/users/", json={"username": name, "password": PASSWORD}).json()["id"]
    bases = KnowledgeBases(tmp_path / "knowledge_bases", 10**9)
    bases.save(uuid.UUID(user_id), KnowledgeBase(name="theirs"))
    with as_user(active_user_client, name) as user:
        flow = user.post("/api/v1/flows/", json={"name": "f", "data": echo_flow()}).json()["id"]
        user.post(f"/api/v1/run/{flow}", json={"input_value": "hello"})
        user.post("/api/v2/files", files={"file": ("a.txt", b"a")})
        user.post(f"/api/v1/files/upload/{flow}", files={"file": ("b.txt", b"b")})
        key = user.post("/api/v1/api_key/", json={}).json()["api_key"]
    assert len(list((tmp_path / "files" / user_id).iterdir())) == 2
    assert active_user_client.delete(f"/api/v1/users/{user_id}").json() == {"detail": "User deleted"}
    assert list((tmp_path / "files" / user_id).iterdir()) == []
    assert bases.list(uuid.UUID(user_id)) == []
    assert httpx2.get(f"{active_user_client.base_url}/api/v1/flows/", headers={"x-api-key": key}).status_code == 403
    again = active_user_client.post("/api/v1/users/", json={"username": name, "password": PASSWORD})
    assert again.json()["is_active"] is True
    with as_user(active_user_client, name) as user:
        assert [f["name"] for f in user.get("/api/v1/flows/").json()] == []
        assert user.get("/api/v1/monitor/messages").json() == []


def test_an_api_key_is_valid_until_it_expires(client: httpx2.Client, anonymous: httpx2.Client) -> None:
    expires_at = datetime.now(UTC) + timedelta(seconds=3)
    created = client.post("/api/v1/api_key/", json={"name": "short", "expires_at": expires_at.isoformat()}).json()
    key = {"x-api-key": created["api_key"]}
    assert datetime.fromisoformat(created["expires_at"]) == expires_at
    responses = []
    while datetime.now(UTC) < expires_at + timedelta(milliseconds=100):
        responses.append(anonymous.get("/api/v1/users/whoami", headers=key))
    assert responses[0].status_code == 200
    assert responses[-1].status_code == 403
    assert "expired" in responses[-1].json()["detail"]
    past = {"expires_at": (datetime.now(UTC) - timedelta(days=1)).isoformat()}
    assert client.post("/api/v1/api_key/", json=past).status_code == 400
