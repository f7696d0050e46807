"""The component store, disabled and enabled."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.clients import log_in, signed_in
from tests.support.flow_builder import model_flow
from tests.support.server import serving
from tests.support.store_service import KEY, TAG, store_app

ADDRESS = "/api/v1/store"


@pytest.fixture
def service() -> FastAPI:
    return store_app()


@pytest.fixture
def client(service: FastAPI, tmp_path: Path) -> Iterator[httpx2.Client]:
    with serving(service) as store:
        settings = settings_for(
            tmp_path,
            store_url=store,
            like_webhook_url=f"{store}/flows/trigger/like",
            download_webhook_url=f"{store}/flows/trigger/download",
            ssrf_allowed_hosts=[],
        )
        with signed_in(create_app(settings)) as client:
            yield client


def save_key(client: httpx2.Client, key: str = KEY) -> httpx2.Client:
    assert client.post("/api/v1/api_key/store", json={"api_key": key}).json() == {"detail": "API Key saved"}
    return client


def component_body(**values: Any) -> dict[str, Any]:
    body = {"name": "Mine", "description": "d", "data": {}, "tags": [], "is_component": False, "private": False}
    return {**body, **values}


def test_the_store_is_disabled_without_a_url(tmp_path: Path) -> None:
    component_id = uuid.uuid4()
    with serving(create_app(settings_for(tmp_path))) as base, httpx2.Client(base_url=base) as client:
        client.headers.update(log_in(base))
        assert client.get(f"{ADDRESS}/check/").json() == {"enabled": False}
        for method, path, body in [
            ("GET", "/check/api_key", None),
            ("GET", "/components/", None),
            ("GET", f"/components/{component_id}", None),
            ("POST", "/components/", component_body()),
            ("PATCH", f"/components/{component_id}", component_body()),
            ("GET", "/tags", None),
            ("GET", "/users/likes", None),
            ("POST", f"/users/likes/{component_id}", None),
        ]:
            response = client.request(method, f"{ADDRESS}{path}", json=body)
            assert (response.status_code, "LANGFLOW_STORE_URL" in response.json()["detail"]) == (400, True), path


def test_a_key_is_validated_by_the_store_and_never_returned(client: httpx2.Client) -> None:
    assert client.get(f"{ADDRESS}/check/").json() == {"enabled": True}
    check = f"{ADDRESS}/check/api_key"
    assert client.get(check).json() == {"has_api_key": False, "is_valid": False}
    assert save_key(client, "wrong").get(check).json() == {"has_api_key": True, "is_valid": False}
    assert save_key(client).get(check).json() == {"has_api_key": True, "is_valid": True}
    assert client.get("/api/v1/users/whoami").json()["store_api_key"] is None
    assert KEY not in str(dict(client.cookies))


def test_components_are_searched_and_downloaded(client: httpx2.Client, service: FastAPI) -> None:
    page = client.get(f"{ADDRESS}/components/").json()
    assert (page["count"], page["authorized"]) == (1, False)
    (weather,) = page["results"]
    assert (weather["name"], weather["tags"]) == ("Weather", [TAG])
    assert weather["liked_by_user"] is None
    searches: list[tuple[dict[str, Any], int]] = [
        ({"search": "WEATHER"}, 1),
        ({"search": "nothing"}, 0),
        ({"tags": ["agents"]}, 1),
        ({"tags": ["other"]}, 0),
        ({"is_component": False}, 0),
        ({"component_id": weather["id"]}, 1),
    ]
    for params, count in searches:
        assert client.get(f"{ADDRESS}/components/", params=params).json()["count"] == count, params
    downloaded = client.get(f"{ADDRESS}/components/{weather['id']}").json()
    assert downloaded["data"] == {"nodes": [], "edges": []}
    assert service.state.webhook_calls == [("download", weather["id"])]
    assert client.get(f"{ADDRESS}/tags").json() == [TAG]
    assert client.get(f"{ADDRESS}/components/{uuid.uuid4()}").status_code == 404


def test_a_shared_component_contains_no_secrets(client: httpx2.Client, service: FastAPI) -> None:
    body = component_body(data=model_flow("http://m", "sk-secret"))
    assert client.post(f"{ADDRESS}/components/", json=body).status_code == 400
    created = save_key(client).post(f"{ADDRESS}/components/", json=body)
    assert created.status_code == 201
    assert "sk-secret" not in str(service.state.rows)
    mine = client.get(f"{ADDRESS}/components/", params={"filter_by_user": True}).json()
    assert [c["id"] for c in mine["results"]] == [created.json()["id"]]
    changed = client.patch(f"{ADDRESS}/components/{created.json()['id']}", json=component_body(name="Renamed"))
    assert (changed.status_code, changed.json()) == (201, created.json())
    others = client.get(f"{ADDRESS}/components/", params={"search": "weather"}).json()["results"][0]["id"]
    assert client.patch(f"{ADDRESS}/components/{others}", json=component_body()).status_code == 400


def test_likes_are_counted(client: httpx2.Client) -> None:
    save_key(client)
    weather = client.get(f"{ADDRESS}/components/").json()["results"][0]["id"]
    like = f"{ADDRESS}/users/likes/{weather}"
    assert client.post(like).json() == {"likes_count": 1, "liked_by_user": True}
    assert client.get(f"{ADDRESS}/users/likes").json() == [{"likes_count": 1, "liked_by_user": True}]
    assert client.get(f"{ADDRESS}/components/", params={"liked": True}).json()["count"] == 1
    assert client.post(like).json() == {"likes_count": 0, "liked_by_user": False}


def test_a_failure_of_the_store_is_reported(client: httpx2.Client, service: FastAPI) -> None:
    service.state.down = True
    response = client.get(f"{ADDRESS}/components/")
    assert (response.status_code, "component store" in response.json()["detail"]) == (502, True)
