"""Stored MCP servers: their secrets, owners, limits, and the file by which clients of Langflow replace them."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from headrace.app import create_app
from headrace.auth.secret_key import secret_key
from headrace.db.database import Database
from headrace.db.encryption import VariableCipher
from headrace.db.tables import mcp_servers
from headrace.services.mcp_server_secrets import REDACTED
from tests.components.test_mcp import weather_server
from tests.conftest import settings_for
from tests.support.clients import log_in
from tests.support.server import serving

URL = "/api/v2/mcp/servers"
SECRET = "s3cret-Zq81xv9"


@pytest.fixture
def name(client: httpx2.Client) -> Iterator[str]:
    name = f"server {uuid.uuid4().hex}"
    yield name
    client.delete(f"{URL}/{name}")


def http_config(**more: Any) -> dict[str, Any]:
    return {"url": "https://mcp.example/mcp", "headers": {"x-token": SECRET, "empty": ""}, **more}


def stdio_config(**more: Any) -> dict[str, Any]:
    return {"command": "python", "args": ["-m", "tools", "--api-key", SECRET], "env": {"TOKEN": SECRET}, **more}


@pytest.mark.parametrize(
    ("config", "redacted"),
    [
        (http_config(), http_config(headers={"x-token": REDACTED, "empty": ""})),
        (
            http_config(headers=[{"key": "x", "value": SECRET}]),
            http_config(headers=[{"key": "x", "value": REDACTED}]),
        ),
        (http_config(url=f"https://u:{SECRET}@mcp.example/mcp?token={SECRET}"), None),
        (http_config(oauth={"client_secret": SECRET}), None),
        (stdio_config(), stdio_config(args=["-m", "tools", "--api-key", REDACTED], env={"TOKEN": REDACTED})),
        (stdio_config(env=[SECRET]), None),
        (stdio_config(args=["mcp-proxy", "--headers", "x-api-key", SECRET, "https://h.example/mcp"]), None),
    ],
)
def test_secrets_are_redacted_in_every_response(
    client: httpx2.Client, name: str, config: dict[str, Any], redacted: dict[str, Any] | None
) -> None:
    added = client.post(f"{URL}/{name}", json=config)
    read = client.get(f"{URL}/{name}")
    changed = client.patch(f"{URL}/{name}", json=read.json())
    listed = client.get(URL)
    if added.status_code == 400:
        assert SECRET not in added.text
        return
    assert [r.status_code for r in (added, read, changed, listed)] == [200] * 4
    assert SECRET not in added.text + read.text + changed.text + listed.text
    assert added.json() == read.json() == changed.json()
    if redacted is not None:
        assert read.json() == redacted


@pytest.mark.parametrize("config", [http_config(), stdio_config()])
def test_a_redacted_value_keeps_the_stored_one_which_is_encrypted_at_rest(
    own_database_url: str | None, tmp_path: Path, config: dict[str, Any]
) -> None:
    settings = settings_for(tmp_path, own_database_url)
    changed = {**config, "description": "changed"}

    async def stored() -> str:
        database = Database(settings)
        await database.open()
        try:
            async with database.connect() as connection:
                return str((await connection.execute(select(mcp_servers.c.config))).scalar_one())
        finally:
            await database.close()

    with serving(create_app(settings)) as base:
        client = httpx2.Client(base_url=base, headers=log_in(base), timeout=60)
        client.post(f"{URL}/a", json=config)
        client.patch(f"{URL}/a", json={**client.get(f"{URL}/a").json(), "description": "changed"})
        encrypted = asyncio.run(stored())
        assert SECRET not in encrypted
        assert json.loads(VariableCipher(secret_key(settings)).decrypt(encrypted)) == changed


@pytest.mark.parametrize(
    ("stored", "change"),
    [
        (http_config(), {"url": "https://other.example/mcp", "headers": {"x-token": REDACTED}}),
        (http_config(), {"url": "https://mcp.example/mcp", "headers": {"x-other": REDACTED}}),
        (http_config(), {"url": r"https://other.example\@mcp.example/mcp", "headers": {"x-token": REDACTED}}),
        (
            stdio_config(args=["mcp-proxy", "--api-key", SECRET, "https://a.example/mcp"]),
            {"command": "uvx", "args": ["mcp-proxy", "--api-key", REDACTED, "https://b.example/mcp"]},
        ),
    ],
)
def test_a_redacted_value_is_not_sent_to_another_host(
    client: httpx2.Client, name: str, stored: dict[str, Any], change: dict[str, Any]
) -> None:
    client.post(f"{URL}/{name}", json=stored)
    response = client.patch(f"{URL}/{name}", json=change)
    assert (response.status_code, "is redacted" in response.text) == (400, True)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({}, "neither a command nor a URL"),
        ({"url": "ftp://host/mcp"}, "'url'"),
        ({"url": 5}, "'url'"),
        ({"command": ["a"]}, "'command'"),
        ({"command": "a", "args": "b c"}, "'args'"),
        ({"command": "a", "env": {"A": 1}}, "'env'"),
        ({"url": "https://h.example", "headers": "a: b"}, "'headers'"),
        ({"url": "https://h.example", "headers": {"a": REDACTED}}, "is redacted"),
    ],
)
def test_an_invalid_configuration_is_refused_with_the_reason(
    client: httpx2.Client, name: str, config: dict[str, Any], problem: str
) -> None:
    response = client.post(f"{URL}/{name}", json=config)
    assert (response.status_code, problem in response.text) == (400, True), response.text


def test_a_large_configuration_is_refused(client: httpx2.Client, name: str) -> None:
    response = client.post(f"{URL}/{name}", json=http_config(description="a" * 70_000))
    assert response.status_code == 413


def test_missing_and_repeated_names_have_their_status(client: httpx2.Client, name: str) -> None:
    assert client.get(f"{URL}/{name}").status_code == 404
    assert client.patch(f"{URL}/{name}", json=http_config()).status_code == 404
    assert client.delete(f"{URL}/{name}").status_code == 404
    assert client.post(f"{URL}/{name}", json=http_config()).status_code == 200
    assert client.post(f"{URL}/{name}", json=http_config()).status_code == 409


def test_a_user_has_a_maximum_number_of_servers(tmp_path: Path) -> None:
    with serving(create_app(settings_for(tmp_path, max_mcp_servers=2))) as base:
        client = httpx2.Client(base_url=base, headers=log_in(base), timeout=60)
        statuses = [client.post(f"{URL}/s{i}", json=http_config()).status_code for i in range(3)]
        assert statuses == [200, 200, 409]


def test_the_list_counts_tools_when_asked_and_says_why_it_cannot(client: httpx2.Client, name: str) -> None:
    with serving(weather_server().streamable_http_app()) as address:
        client.post(f"{URL}/{name}", json={"url": f"{address}/mcp"})
        row = {"name": name, "mode": "Streamable_HTTP", "toolsCount": None, "error": None}
        assert row in client.get(URL).json()
        assert {**row, "toolsCount": 2} in client.get(URL, params={"action_count": "true"}).json()
    client.patch(f"{URL}/{name}", json={"url": "http://10.0.0.1/mcp"})
    (row,) = [r for r in client.get(URL, params={"action_count": "true"}).json() if r["name"] == name]
    assert (row["toolsCount"], "private or local address" in row["error"]) == (None, True)


def upload(client: httpx2.Client, content: object) -> httpx2.Response:
    user = client.get("/api/v1/users/whoami").json()["id"]
    return client.post("/api/v2/files", files={"file": (f"_mcp_servers_{user}.json", json.dumps(content))})


def test_an_uploaded_file_replaces_the_servers_and_is_stored_without_secrets(tmp_path: Path) -> None:
    with serving(create_app(settings_for(tmp_path))) as base:
        client = httpx2.Client(base_url=base, headers=log_in(base), timeout=60)
        client.post(f"{URL}/old", json=http_config())
        uploaded = upload(client, {"mcpServers": {"a": http_config(), "b": stdio_config()}})
        assert uploaded.status_code == 201, uploaded.text
        assert [row["name"] for row in client.get(URL).json()] == ["a", "b"]
        file = client.get(f"/api/v2/files/{uploaded.json()['id']}")
        assert SECRET not in file.text
        assert not [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
        assert upload(client, file.json()).status_code == 201
        assert client.get(f"{URL}/a").json()["headers"]["x-token"] == REDACTED
        assert upload(client, {"mcpServers": {"a": 5}}).status_code == 400
        assert [row["name"] for row in client.get(URL).json()] == ["a", "b"]
