"""JSON that is nested too deep is refused wherever it comes in, and what is stored already breaks nothing."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx2
import pytest

from headrace.api.http.strict_json import MAX_JSON_DEPTH
from tests.support.flow_builder import echo_flow
from tests.support.flows import create_flow
from tests.support.probe import AttackedServer


@pytest.fixture
def user(server: AttackedServer) -> Iterator[httpx2.Client]:
    with server.client(server.attacker) as client:
        yield client


def nested(depth: int) -> str:
    """Return the JSON of a flow with this many levels."""
    # The flow, its data, the list of nodes and the node are the outer four.
    inner = '{"a":' * (depth - 4) + "1" + "}" * (depth - 4)
    return f'{{"name": "{uuid.uuid4()}", "data": {{"edges": [], "nodes": [{{"id": "n", "data": {inner}}}]}}}}'


def test_a_flow_is_accepted_up_to_the_limit(user: httpx2.Client) -> None:
    accepted = user.post("/api/v1/flows/", content=nested(MAX_JSON_DEPTH))
    assert accepted.status_code == 201
    assert user.get("/api/v1/flows/").status_code == 200


@pytest.mark.parametrize("depth", [MAX_JSON_DEPTH + 1, 253, 1000, 100_000])
def test_a_deeper_flow_is_refused_on_every_way_in(user: httpx2.Client, depth: int) -> None:
    flow_id = create_flow(user, echo_flow())
    body = nested(depth)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("flow.json", body)
    answers = [
        user.post("/api/v1/flows/", content=body),
        user.post("/api/v1/flows/batch/", content=f'{{"flows": [{body}]}}'),
        user.patch(f"/api/v1/flows/{flow_id}", content=body),
        user.post("/api/v1/flows/upload/", files={"file": ("flow.json", body)}),
        user.post("/api/v1/flows/upload/", files={"file": ("flows.zip", packed.getvalue())}),
        user.post("/api/v1/projects/upload/", files={"file": ("flow.json", body)}),
        user.post(f"/api/v1/run/{flow_id}", content=f'{{"tweaks": {body}}}'),
        user.post(f"/api/v1/build/{flow_id}/flow", content=body),
    ]
    assert {answer.status_code for answer in answers} == {400}
    assert all(f"deeper than {MAX_JSON_DEPTH} levels" in answer.json()["detail"] for answer in answers[:5])


def store_data(folder: Path, url: str | None, flow_id: str, data: str) -> None:
    """Replace the data of a stored flow, as an earlier version of the server may have stored it."""
    if url is None:
        with sqlite3.connect(folder / "headrace.db", timeout=10) as connection:
            changed = connection.execute("UPDATE flow SET data = ? WHERE id = ?", (data, uuid.UUID(flow_id).hex))
            assert changed.rowcount == 1
        return

    async def store() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("UPDATE flow SET data = $1 WHERE id = $2", data, uuid.UUID(flow_id))
        await connection.close()

    asyncio.run(store())


def test_flows_that_are_stored_too_deep_break_no_list(server: AttackedServer, user: httpx2.Client) -> None:
    ids = [create_flow(user, echo_flow(), access_type="PUBLIC") for _ in range(2)]
    for flow_id, depth in zip(ids, (253, 900), strict=True):
        store_data(server.folder, server.database_url, flow_id, json.dumps(json.loads(nested(depth))["data"]))
    project = user.get(f"/api/v1/flows/{ids[0]}").json()["folder_id"]
    for path in (
        "/api/v1/flows/",
        "/api/v1/flows/?get_all=false",
        "/api/v1/flows/?header_flows=true",
        f"/api/v1/projects/{project}",
        f"/api/v1/projects/download/{project}",
        *(f"/api/v1/flows/{flow_id}" for flow_id in ids),
        *(f"/api/v1/flows/public_flow/{flow_id}" for flow_id in ids),
    ):
        assert user.get(path).status_code == 200, path
    assert user.post("/api/v1/flows/download/", json=ids).status_code == 200
    for flow_id in ids:
        assert user.post(f"/api/v1/run/{flow_id}", json={}).status_code in {400, 500}
        assert user.delete(f"/api/v1/flows/{flow_id}").status_code == 200
