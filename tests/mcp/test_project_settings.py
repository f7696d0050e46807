"""The MCP settings of projects: offered flows, authentication, and the programs on the server's machine."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.authorization_server import AuthorizationServer, authorization_server
from tests.support.clients import signed_in
from tests.support.flow_builder import echo_flow
from tests.support.flows import create_flow
from tests.support.mcp_clients import post_message, project_path, streamable_client

PUBLIC_URL = "https://flows.example"


@pytest.fixture
def project(client: httpx2.Client) -> str:
    return str(client.post("/api/v1/projects/", json={"name": f"p {uuid.uuid4()}"}).json()["id"])


def settings_path(project: str) -> str:
    return f"/api/v1/mcp/project/{project}"


def test_flows_are_offered_and_named_by_the_settings_of_their_project(client: httpx2.Client, project: str) -> None:
    flow_id = create_flow(client, echo_flow(), folder_id=project, description="An echo.")
    other_id = create_flow(client, echo_flow(), folder_id=project)
    path = settings_path(project)
    assert client.get(path).json()["tools"] == []
    listed = client.get(path, params={"mcp_enabled": False}).json()["tools"]
    assert [t["id"] for t in listed] == [flow_id, other_id]
    change = {"id": flow_id, "mcp_enabled": True, "action_name": "echo", "action_description": "Repeats."}
    assert client.patch(path, json={"settings": [change]}).status_code == 200
    assert client.patch(path, json={"settings": [{"id": flow_id, "action_name": "repeat"}]}).status_code == 200
    (tool,) = client.get(path).json()["tools"]
    assert (tool["action_name"], tool["action_description"], tool["mcp_enabled"]) == ("repeat", "Repeats.", True)
    assert tool["description"] == "An echo."
    assert client.get(f"/api/v1/flows/{flow_id}").json()["action_name"] == "repeat"
    assert '"name":"repeat"' in post_message(client, "tools/list", path=project_path(project)).text


def test_a_change_that_names_a_flow_of_another_project_changes_nothing(client: httpx2.Client, project: str) -> None:
    flow_id = create_flow(client, echo_flow(), folder_id=project)
    foreign_id = create_flow(client, echo_flow())
    changes = [{"id": i, "mcp_enabled": True} for i in (flow_id, foreign_id)]
    response = client.patch(settings_path(project), json={"settings": changes})
    assert response.status_code == 404
    assert foreign_id in response.json()["detail"]
    assert client.get(settings_path(project)).json()["tools"] == []
    unknown = settings_path(str(uuid.uuid4()))
    assert client.get(unknown).status_code == 404
    assert client.patch(unknown, json={"settings": []}).status_code == 404


def test_concurrent_changes_wait_for_each_other_and_none_is_lost(client: httpx2.Client, project: str) -> None:
    flow_ids = [create_flow(client, echo_flow(), folder_id=project) for _ in range(20)]

    def offer(flow_id: str) -> int:
        body = {"settings": [{"id": flow_id, "mcp_enabled": True}]}
        return client.patch(settings_path(project), json=body).status_code

    with ThreadPoolExecutor(20) as threads:
        assert set(threads.map(offer, flow_ids)) == {200}
    assert {t["id"] for t in client.get(settings_path(project)).json()["tools"]} == set(flow_ids)


def test_secrets_are_encrypted_at_rest_and_never_shown(tmp_path: Path) -> None:
    with signed_in(create_app(settings_for(tmp_path, public_url=PUBLIC_URL))) as client:
        body = {"auth_type": "oauth", "oauth_server_url": "https://issuer.example", "oauth_client_secret": "hunter22"}
        created = client.post("/api/v1/projects/", json={"name": "secret", "auth_settings": body})
        project = created.json()["id"]
        path = settings_path(project)
        shown = client.get(path).json()["auth_settings"]
        assert shown["oauth_client_secret"] == "*******"
        stored = stored_auth(tmp_path)
        # A client that sends back the settings that it has read changes nothing.
        client.patch(path, json={"settings": [], "auth_settings": shown})
        client.patch(f"/api/v1/projects/{project}", json={"auth_settings": shown})
        assert stored_auth(tmp_path) == stored
        responses = [
            created,
            client.get(path),
            client.get("/api/v1/projects/"),
            client.get(f"/api/v1/projects/{project}"),
        ]
        assert all("hunter22" not in r.text and stored["oauth_client_secret"] not in r.text for r in responses)
    assert "hunter22" not in json.dumps(stored)
    assert stored["oauth_client_secret"].startswith("gAAAA")


def stored_auth(folder: Path) -> dict[str, Any]:
    with sqlite3.connect(folder / "headrace.db") as connection:
        (text,) = connection.execute("SELECT auth_settings FROM folder WHERE name = 'secret'").fetchone()
    return dict(json.loads(text))


@pytest.mark.parametrize(
    ("auth", "problem"),
    [
        ({"auth_type": "oauth", "oauth_server_url": "https://issuer.example"}, "HEADRACE_PUBLIC_URL"),
        ({"auth_type": "oauth", "oauth_server_url": "issuer"}, "oauth_server_url"),
        ({"auth_type": "oauth"}, "oauth_server_url"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    client: httpx2.Client, project: str, auth: dict[str, str], problem: str
) -> None:
    for response in (
        client.patch(settings_path(project), json={"settings": [], "auth_settings": auth}),
        client.patch(f"/api/v1/projects/{project}", json={"auth_settings": auth}),
        client.post("/api/v1/projects/", json={"name": "x", "auth_settings": auth}),
    ):
        assert response.status_code == 400
        assert problem in response.json()["detail"]


def set_auth(client: httpx2.Client, project: str, **auth: Any) -> None:
    response = client.patch(settings_path(project), json={"settings": [], "auth_settings": auth})
    assert response.status_code == 200, response.text


def test_a_project_without_authentication_admits_requests_of_the_same_machine_only(
    client: httpx2.Client, project: str
) -> None:
    create_flow(client, echo_flow(), folder_id=project, mcp_enabled=True, action_name="echo")
    path = project_path(project)
    with httpx2.Client(base_url=client.base_url, timeout=30) as anonymous:
        assert post_message(anonymous, "tools/list", path=path).status_code == 403
        set_auth(client, project, auth_type="none")
        answer = post_message(anonymous, "tools/call", {"name": "echo", "arguments": {"input_value": "open"}}, path)
        assert '"text":"open"' in answer.text
        for headers in (
            {"host": "evil.example"},
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"x-forwarded-for": "203.0.113.7"},
            {"x-api-key": "sk-wrong"},
        ):
            assert post_message(anonymous, "tools/list", path=path, headers=headers).status_code == 403, headers
        # The settings and the rest of the API need credentials nevertheless.
        assert anonymous.get(settings_path(project)).status_code == 403
        assert anonymous.patch(settings_path(project), json={"settings": []}).status_code == 403
        assert post_message(anonymous, "tools/list").status_code == 403
        set_auth(client, project, auth_type="apikey")
        assert post_message(anonymous, "tools/list", path=path).status_code == 403


@pytest.fixture
def oauth() -> Iterator[AuthorizationServer]:
    with authorization_server() as server:
        yield server


def test_access_tokens_are_validated(tmp_path: Path, oauth: AuthorizationServer) -> None:
    with (
        signed_in(create_app(settings_for(tmp_path, public_url=PUBLIC_URL))) as client,
        httpx2.Client(base_url=client.base_url, timeout=30) as anonymous,
    ):
        project = str(client.post("/api/v1/projects/", json={"name": "oauth"}).json()["id"])
        other = str(client.post("/api/v1/projects/", json={"name": "other"}).json()["id"])
        create_flow(client, echo_flow(), folder_id=project, mcp_enabled=True, action_name="echo")
        set_auth(client, project, auth_type="oauth", oauth_server_url=oauth.url, oauth_mcp_scope="flows")
        path, audience = project_path(project), f"{PUBLIC_URL}{project_path(project)}"

        def status(token: str) -> int:
            headers = {"authorization": f"Bearer {token}"}
            return post_message(anonymous, "tools/list", path=path, headers=headers).status_code

        async def call(token: str) -> str:
            headers = {"authorization": f"Bearer {token}"}
            async with streamable_client(str(client.base_url).rstrip("/") + path, headers) as mcp:
                return str((await mcp.call_tool("echo", {"input_value": "hi"})).structured_content["result"])

        valid = oauth.token(audience)
        assert asyncio.run(call(valid)) == "hi"
        wrong = {
            "another audience": oauth.token(f"{PUBLIC_URL}{project_path(other)}"),
            "another issuer": oauth.token(audience, iss="https://issuer.example"),
            "expired": oauth.token(audience, exp=int(time.time()) - 60),
            "without expiry": oauth.token(audience, exp=None),
            "without the scope": oauth.token(audience, scope="other"),
            "forged": AuthorizationServer(oauth.url).token(audience),
            "not a token": "nonsense",
        }
        assert {name: status(token) for name, token in wrong.items()} == dict.fromkeys(wrong, 401)
        # The token is for the connections of this project only.
        for foreign in (project_path(other), "/api/v1/mcp/streamable"):
            headers = {"authorization": f"Bearer {valid}"}
            assert post_message(anonymous, "tools/list", path=foreign, headers=headers).status_code == 401
        assert anonymous.get(settings_path(project), headers={"authorization": f"Bearer {valid}"}).status_code == 401
        key = client.post("/api/v1/api_key/", json={"name": "k"}).json()["api_key"]
        assert post_message(anonymous, "tools/list", path=path, headers={"x-api-key": key}).status_code == 200

        refused = post_message(anonymous, "tools/list", path=path)
        assert refused.status_code == 401
        document = refused.headers["www-authenticate"].partition('resource_metadata="')[2].rstrip('"')
        assert document.startswith(f"{PUBLIC_URL}/.well-known/oauth-protected-resource/")
        assert anonymous.get(document.removeprefix(PUBLIC_URL)).json() == {
            "resource": audience,
            "authorization_servers": [oauth.url],
            "scopes_supported": ["flows"],
            "bearer_methods_supported": ["header"],
        }
        assert anonymous.get(document.removeprefix(PUBLIC_URL).replace(project, other)).status_code == 404


def test_the_authorization_server_is_reached_through_the_egress_guard(
    tmp_path: Path, oauth: AuthorizationServer
) -> None:
    settings = settings_for(tmp_path, public_url=PUBLIC_URL, ssrf_allowed_hosts=[])
    with signed_in(create_app(settings)) as client:
        project = str(client.post("/api/v1/projects/", json={"name": "oauth"}).json()["id"])
        set_auth(client, project, auth_type="oauth", oauth_server_url=oauth.url)
        token = oauth.token(f"{PUBLIC_URL}{project_path(project)}")
        headers = {"authorization": f"Bearer {token}"}
        with httpx2.Client(base_url=client.base_url, timeout=30) as anonymous:
            assert post_message(anonymous, "tools/list", path=project_path(project), headers=headers).status_code == 401


def test_the_addresses_of_a_project_are_shown(client: httpx2.Client, project: str, tmp_path: Path) -> None:
    base = str(client.base_url).rstrip("/")
    assert client.get(f"{settings_path(project)}/composer-url").json() == {
        "project_id": project,
        "uses_composer": False,
        "streamable_http_url": f"{base}{project_path(project)}",
        "legacy_sse_url": f"{base}{settings_path(project)}/sse",
        "error_message": None,
    }
    with signed_in(create_app(settings_for(tmp_path, public_url=f"{PUBLIC_URL}/"))) as other:
        own = other.get("/api/v1/projects/").json()[0]["id"]
        address = other.get(f"{settings_path(own)}/composer-url").json()["streamable_http_url"]
    assert address == f"{PUBLIC_URL}{project_path(own)}"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home folder in which every program has been used."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for folder in (".cursor", ".codeium/windsurf", ".config/Claude", ".config/Code/User"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / ".claude.json").write_text("{}")
    return tmp_path


FILES = {
    "cursor": (".cursor/mcp.json", "mcpServers"),
    "windsurf": (".codeium/windsurf/mcp_config.json", "mcpServers"),
    "claude": (".config/Claude/claude_desktop_config.json", "mcpServers"),
    "claude-code": (".claude.json", "mcpServers"),
    "vscode": (".config/Code/User/mcp.json", "servers"),
}


def installed(client: httpx2.Client, project: str) -> dict[str, tuple[bool, bool]]:
    states = client.get(f"{settings_path(project)}/installed").json()
    return {s["name"]: (s["installed"], s["available"]) for s in states}


@pytest.mark.parametrize("program", FILES)
def test_a_server_is_added_to_a_program_and_everything_else_in_its_file_remains(
    client: httpx2.Client, project: str, home: Path, program: str
) -> None:
    path, key = FILES[program]
    before = {"theme": "grün", key: {"other": {"command": "x"}}, "numbers": [1, 2.5, None]}
    (home / path).write_text(json.dumps(before, indent=4, ensure_ascii=False))
    (home / path).chmod(0o640)
    assert installed(client, project)[program] == (False, True)
    for _ in range(2):
        response = client.post(f"{settings_path(project)}/install", json={"client": program})
        assert response.status_code == 200, response.text
    text = (home / path).read_text()
    after = json.loads(text)
    assert installed(client, project)[program] == (True, True)
    own = next(name for name in after[key] if name != "other")
    entry = after[key].pop(own)
    assert after == before
    assert list(after) == list(before)
    assert '    "theme": "grün"' in text
    assert (home / path).stat().st_mode & 0o777 == 0o640
    assert list((home / path).parent.glob(".*.json.*")) == []
    url = str(client.base_url).rstrip("/") + project_path(project)
    texts = [*entry.get("args", []), entry.get("url"), entry.get("serverUrl"), *entry.get("headers", {}).values()]
    assert url in texts
    api_key = next(t for t in texts if t and t.startswith("sk-"))
    with httpx2.Client(base_url=client.base_url, timeout=30, headers={"x-api-key": api_key}) as user:
        assert post_message(user, "tools/list", path=project_path(project)).status_code == 200


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"servers": {} // mine\n}', "not plain JSON"),
        ("[]", "not a JSON object"),
        ('{"servers": 1}', "is not an object"),
    ],
)
def test_a_file_that_cannot_be_changed_without_loss_is_left_alone(
    client: httpx2.Client, project: str, home: Path, content: str, problem: str
) -> None:
    file = home / FILES["vscode"][0]
    file.write_text(content)
    response = client.post(f"{settings_path(project)}/install", json={"client": "vscode"})
    assert response.status_code == 409
    assert problem in response.json()["detail"]
    assert file.read_text() == content
    assert installed(client, project)["vscode"] == (False, True)


def test_a_symbolic_link_is_not_followed(client: httpx2.Client, project: str, home: Path) -> None:
    target = home / "target.json"
    target.write_text("{}")
    (home / FILES["cursor"][0]).symlink_to(target)
    response = client.post(f"{settings_path(project)}/install", json={"client": "cursor"})
    assert response.status_code == 409
    assert target.read_text() == "{}"


def test_programs_are_configured_from_the_same_machine_only(client: httpx2.Client, project: str, home: Path) -> None:
    path = settings_path(project)
    for headers in ({"x-forwarded-for": "203.0.113.7"}, {"host": "flows.example"}):
        assert client.get(f"{path}/installed", headers=headers).status_code == 403
        assert client.post(f"{path}/install", json={"client": "cursor"}, headers=headers).status_code == 403
    assert client.post(f"{path}/install", json={"client": "emacs"}).status_code == 400
    (home / ".cursor").rmdir()
    assert client.post(f"{path}/install", json={"client": "cursor"}).status_code == 409
    unknown = settings_path(str(uuid.uuid4()))
    assert client.get(f"{unknown}/installed").status_code == 404
    assert not (home / ".cursor").exists()
