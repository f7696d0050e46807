"""Logins, API keys, projects and flows over HTTP."""

from __future__ import annotations

import uuid
from pathlib import Path

import httpx2
import pytest

from headrace.api.authentication import PUBLIC_PATHS
from headrace.app import create_app
from tests.conftest import PASSWORD, settings_for
from tests.support.flow_builder import echo_flow


def test_a_login_returns_tokens_and_cookies_that_authenticate(client: httpx2.Client, anonymous: httpx2.Client) -> None:
    # Not the superuser: the logout ends all sessions of the user, also that of the other tests.
    name = f"user-{uuid.uuid4()}"
    user = client.post("/api/v1/users/", json={"username": name, "password": PASSWORD}).json()
    client.patch(f"/api/v1/users/{user['id']}", json={"is_active": True})
    response = anonymous.post("/api/v1/login", data={"username": name, "password": PASSWORD})
    assert response.status_code == 200
    assert {"access_token_lf", "refresh_token_lf", "apikey_tkn_lflw"} <= set(response.cookies)
    assert anonymous.get("/api/v1/users/whoami").json()["username"] == name
    refreshed = anonymous.post("/api/v1/refresh")
    assert refreshed.status_code == 200
    assert anonymous.post("/api/v1/logout").json() == {"message": "Logout successful"}
    assert anonymous.get("/api/v1/users/whoami").status_code == 403


def test_a_cookie_sent_from_another_site_is_rejected(anonymous: httpx2.Client) -> None:
    anonymous.post("/api/v1/login", data={"username": "admin", "password": PASSWORD})
    response = anonymous.post("/api/v1/projects/", json={"name": "stolen"}, headers={"origin": "https://evil.example"})
    assert response.status_code == 403
    assert "stolen" not in {p["name"] for p in anonymous.get("/api/v1/projects/").json()}


def test_a_login_name_with_a_nul_character_is_rejected(anonymous: httpx2.Client) -> None:
    response = anonymous.post("/api/v1/login", data={"username": "a\x00b", "password": "x"})
    assert response.status_code in {400, 401}


def test_repeated_failed_logins_are_throttled(anonymous: httpx2.Client) -> None:
    name = f"nobody-{uuid.uuid4()}"
    statuses = [
        anonymous.post("/api/v1/login", data={"username": name, "password": "guess"}).status_code for _ in range(7)
    ]
    assert statuses[:5] == [401] * 5
    assert statuses[-1] == 429


@pytest.mark.parametrize(
    ("headers", "status", "detail"),
    [
        ({}, 403, "An API key must be passed as query or header"),
        ({"authorization": "Bearer abc"}, 401, "Could not validate credentials"),
        ({"x-api-key": "sk-nope"}, 403, "Invalid or missing API key"),
    ],
)
def test_each_kind_of_invalid_credentials_has_its_own_error(
    anonymous: httpx2.Client, headers: dict[str, str], status: int, detail: str
) -> None:
    response = anonymous.get("/api/v1/flows/", headers=headers)
    assert (response.status_code, response.json()) == (status, {"detail": detail})


def test_every_route_except_public_ones_requires_credentials(anonymous: httpx2.Client, tmp_path: Path) -> None:
    paths = create_app(settings_for(tmp_path)).openapi()["paths"]
    protected = [(m, p) for p, methods in paths.items() for m in methods if p not in PUBLIC_PATHS]
    assert len(protected) > 15
    for method, path in protected:
        response = anonymous.request(method, path.replace("{flow_id_or_name}", "x").replace("{", "").replace("}", ""))
        assert response.status_code == (401 if path.startswith("/v1/") else 403), (method, path)


def test_an_api_key_works_in_header_and_query_until_it_is_deleted(
    client: httpx2.Client, anonymous: httpx2.Client
) -> None:
    created = client.post("/api/v1/api_key/", json={"name": "mine"}).json()
    assert anonymous.get("/api/v1/users/whoami", headers={"x-api-key": created["api_key"]}).status_code == 200
    assert anonymous.get("/api/v1/users/whoami", params={"x-api-key": created["api_key"]}).status_code == 200
    listed = next(k for k in client.get("/api/v1/api_key/").json()["api_keys"] if k["id"] == created["id"])
    assert listed["total_uses"] == 2
    assert created["api_key"] not in str(listed)
    assert client.delete(f"/api/v1/api_key/{created['id']}").json() == {"detail": "API Key deleted"}
    assert anonymous.get("/api/v1/users/whoami", headers={"x-api-key": created["api_key"]}).status_code == 403
    assert client.delete(f"/api/v1/api_key/{created['id']}").status_code == 404


def test_names_in_use_get_numbers(client: httpx2.Client) -> None:
    name = f"same {uuid.uuid4()}"
    assert [client.post("/api/v1/projects/", json={"name": name}).json()["name"] for _ in range(3)] == [
        name,
        f"{name} (1)",
        f"{name} (2)",
    ]
    endpoint = f"e-{uuid.uuid4()}"
    created = [client.post("/api/v1/flows/", json={"name": name, "endpoint_name": endpoint}).json() for _ in range(2)]
    assert [f["name"] for f in created] == [name, f"{name} (1)"]
    assert [f["endpoint_name"] for f in created] == [endpoint, f"{endpoint}-1"]


def test_a_patch_keeps_omitted_fields(client: httpx2.Client) -> None:
    created = client.post(
        "/api/v1/flows/",
        json={"name": f"f {uuid.uuid4()}", "data": echo_flow(), "tags": ["a"], "endpoint_name": f"p-{uuid.uuid4()}"},
    ).json()
    patched = client.patch(f"/api/v1/flows/{created['id']}", json={"description": "new"}).json()
    assert {k: v for k, v in patched.items() if k not in {"description", "updated_at"}} == {
        k: v for k, v in created.items() if k not in {"description", "updated_at"}
    }
    assert client.patch(f"/api/v1/flows/{uuid.uuid4()}", json={"description": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"data": {}}, "Field required"),
        ({"name": "n", "data": {"nodes": 1}}, "Flow must have edges"),
        ({"name": "n", "data": {"edges": []}}, "Flow must have nodes"),
        ({"name": "n", "icon_bg_color": "red"}, "must start with #"),
        ({"name": "n", "endpoint_name": "has space"}, "only letters"),
        ({"name": ""}, "at least 1"),
    ],
)
def test_an_invalid_flow_is_rejected(client: httpx2.Client, body: dict[str, object], message: str) -> None:
    response = client.post("/api/v1/flows/", json=body)
    assert response.status_code == 422
    assert message in response.text


def test_flows_are_listed_completely_as_headers_and_by_page(client: httpx2.Client) -> None:
    project = client.post("/api/v1/projects/", json={"name": f"paged {uuid.uuid4()}"}).json()["id"]
    for _ in range(3):
        client.post("/api/v1/flows/", json={"name": f"f {uuid.uuid4()}", "data": echo_flow(), "folder_id": project})
    headers = client.get("/api/v1/flows/", params={"header_flows": True}).json()
    assert all(h["data"] is None for h in headers)
    page = client.get("/api/v1/flows/", params={"get_all": False, "folder_id": project, "size": 2}).json()
    assert (len(page["items"]), page["total"], page["pages"]) == (2, 3, 2)
    paged = client.get(f"/api/v1/projects/{project}", params={"page": 2, "size": 2}).json()
    assert (len(paged["flows"]["items"]), paged["folder"]["id"]) == (1, project)
    assert len(client.get(f"/api/v1/projects/{project}").json()["flows"]) == 3


def test_flows_are_added_to_and_removed_from_a_project(client: httpx2.Client) -> None:
    project = client.post("/api/v1/projects/", json={"name": f"moving {uuid.uuid4()}"}).json()["id"]
    flow = client.post("/api/v1/flows/", json={"name": f"f {uuid.uuid4()}"}).json()["id"]
    client.patch(f"/api/v1/projects/{project}", json={"flows": [flow]})
    assert client.get(f"/api/v1/flows/{flow}").json()["folder_id"] == project
    client.patch(f"/api/v1/projects/{project}", json={"flows": []})
    assert client.get(f"/api/v1/flows/{flow}").json()["folder_id"] != project
    assert client.delete(f"/api/v1/projects/{project}").status_code == 204
    assert client.get(f"/api/v1/projects/{project}").json() == {"detail": "Project not found"}


def test_the_component_catalog_is_cached_and_compressed(client: httpx2.Client) -> None:
    first = client.get("/api/v1/all")
    assert first.headers["content-encoding"] == "gzip"
    assert {"ChatInput", "ChatOutput"} <= set(first.json()["input_output"])
    assert client.get("/api/v1/all", headers={"if-none-match": first.headers["etag"]}).status_code == 304


def test_unknown_paths_return_json(client: httpx2.Client) -> None:
    assert client.get("/api/v1/no-such-path").json() == {"detail": "Not Found"}
    assert client.get("/health_check").json() == {"status": "ok", "chat": "ok", "db": "ok"}


def test_the_openapi_document_describes_every_response_and_its_credentials(tmp_path: Path) -> None:
    for path, operations in create_app(settings_for(tmp_path)).openapi()["paths"].items():
        for method, operation in operations.items():
            status = next(s for s in ("200", "201", "204", "307", "202") if s in operation["responses"])
            content = operation["responses"][status].get("content", {})
            assert status in {"204", "307"} or content, (method, path)
            assert content.get("application/json", {"schema": True})["schema"], (method, path)
            assert ("security" in operation) == (path not in PUBLIC_PATHS), (method, path)
