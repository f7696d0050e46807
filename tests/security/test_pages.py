"""Lists of large rows are sent in parts, so that they take little memory."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, insert
from sqlalchemy.ext.asyncio import create_async_engine

from headrace.db import tables
from tests.support.flow_builder import echo_flow
from tests.support.flows import create_flow
from tests.support.probe import AttackedServer

#: Rows of 200 kB: 120 MB together, several times as much once they are parsed.
ROW_COUNT, ROW_CHARACTERS = 600, 200_000
MAX_GROWTH = 100 << 20
TEXT = "x" * ROW_CHARACTERS
pytestmark = pytest.mark.usefixtures("new_attacker")


def _insert(server: AttackedServer, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows into the database of a running server."""
    driver_url = f"sqlite+aiosqlite:///{server.folder / 'headrace.db'}"
    if server.database_url is not None:
        driver_url = server.database_url.replace("postgresql://", "postgresql+asyncpg://")

    async def run() -> None:
        engine = create_async_engine(driver_url)
        async with engine.begin() as connection:
            for start in range(0, len(rows), 50):
                await connection.execute(insert(table), rows[start : start + 50])
        await engine.dispose()

    asyncio.run(run())


def _owner_id(server: AttackedServer) -> uuid.UUID:
    with server.client(server.attacker) as client:
        return uuid.UUID(client.get("/api/v1/users/whoami").json()["id"])


def _time(number: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)


def _read(server: AttackedServer, path: str) -> tuple[int, str]:
    """Return the number of bytes and the start of a response, without holding it in memory."""
    size, start = 0, b""
    with server.client(server.attacker) as client, client.stream("GET", path) as response:
        for chunk in response.iter_raw():
            start = start or chunk
            size += len(chunk)
    assert response.status_code == 200, start[:300]
    return size, start[:1000].decode("utf-8", "replace")


def test_all_messages_are_listed_in_little_memory(server: AttackedServer) -> None:
    owner = _owner_id(server)
    rows = [
        {
            "id": uuid.uuid4(),
            "user_id": owner,
            "session_id": "s",
            "context_id": "",
            "text": f"{number} {TEXT}",
            "files": [],
            "error": False,
            "edit": False,
            "category": "message",
            "properties": {},
            "content_blocks": [],
            "timestamp": _time(number),
        }
        for number in range(ROW_COUNT)
    ]
    _insert(server, tables.messages, rows)
    with server.observe() as observation:
        size, start = _read(server, "/api/v1/monitor/messages")
        newest_size, newest = _read(server, "/api/v1/monitor/messages?order=DESC&limit=3&order_by=timestamp")
    observation.assert_memory(MAX_GROWTH)
    observation.assert_available()
    assert size > ROW_COUNT * ROW_CHARACTERS
    assert '"text":"0 xxx' in start
    assert 3 * ROW_CHARACTERS < newest_size < 4 * ROW_CHARACTERS
    assert f'"text":"{ROW_COUNT - 1} xxx' in newest


def test_builds_transactions_and_flows_are_listed_in_little_memory(server: AttackedServer) -> None:
    owner = _owner_id(server)
    with server.client(server.attacker) as client:
        flow_id = uuid.UUID(create_flow(client, echo_flow()))
        project = client.get(f"/api/v1/flows/{flow_id}").json()["folder_id"]
    common = {"user_id": owner, "flow_id": flow_id}
    data = {"outputs": {"text": TEXT}}
    builds = [
        {**common, "build_id": uuid.uuid4(), "id": f"v{n % 7}", "timestamp": _time(n), "valid": True, "data": data}
        for n in range(ROW_COUNT)
    ]
    transactions = [
        {
            **common,
            "id": uuid.uuid4(),
            "vertex_id": "v",
            "timestamp": _time(n),
            "status": "success",
            "outputs": data,
        }
        for n in range(100)
    ]
    flows = [
        {
            "id": uuid.uuid4(),
            "user_id": owner,
            "folder_id": uuid.UUID(project),
            "name": f"flow {n}",
            "data": {"nodes": [], "edges": [], "notes": TEXT},
            **dict.fromkeys(("is_component", "webhook", "locked", "mcp_enabled"), False),
            "access_type": "PRIVATE",
            "version": 1,
            "created_at": _time(n),
            "updated_at": _time(n),
        }
        for n in range(ROW_COUNT)
    ]
    _insert(server, tables.vertex_builds, builds)
    _insert(server, tables.transactions, transactions)
    _insert(server, tables.flows, flows)
    with server.observe() as observation:
        sizes = {
            path: _read(server, path)[0]
            for path in (
                f"/api/v1/monitor/builds?flow_id={flow_id}",
                f"/api/v1/monitor/transactions?flow_id={flow_id}&size=100",
                "/api/v1/flows/",
                f"/api/v1/projects/{project}",
                f"/api/v1/projects/download/{project}",
                "/api/v1/flows/?header_flows=true",
                "/api/v1/models",
            )
        }
    observation.assert_memory(MAX_GROWTH)
    observation.assert_available()
    builds_size, transactions_size, flows_size, project_size, zip_size, headers_size, models_size = sizes.values()
    assert builds_size > ROW_COUNT * ROW_CHARACTERS
    assert transactions_size > 100 * ROW_CHARACTERS
    assert flows_size > ROW_COUNT * ROW_CHARACTERS
    assert project_size > ROW_COUNT * ROW_CHARACTERS
    assert 0 < zip_size < flows_size
    assert 0 < headers_size < 10_000_000
    assert 0 < models_size < 10_000_000


def test_a_list_in_parts_is_valid_json_in_the_form_of_a_short_list(server: AttackedServer) -> None:
    with server.client(server.attacker) as client:
        names = [f"flow {number}" for number in range(8)]
        for name in names:
            body = {"name": name, "data": {"nodes": [], "edges": [], "notes": TEXT}}
            assert client.post("/api/v1/flows/", json=body).status_code == 201
        listed = [flow for flow in client.get("/api/v1/flows/").json() if flow["name"] in names]
        assert [flow["name"] for flow in listed] == names
        page = client.get("/api/v1/flows/", params={"get_all": False, "size": 7}).json()
        assert {key: page[key] for key in ("total", "page", "size", "pages")} == {
            "total": 8,
            "page": 1,
            "size": 7,
            "pages": 2,
        }
        assert [flow["name"] for flow in page["items"]] == names[:7]
        project = client.get(f"/api/v1/projects/{listed[0]['folder_id']}").json()
        assert [flow["name"] for flow in project["flows"]][-8:] == names
        assert json.loads(client.get(f"/api/v1/flows/{listed[0]['id']}").text) == {
            **listed[0],
            "unapproved_nodes": None,
        }
