"""Messages and sessions: filters, pages, renames and edits."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from headrace.db import messages
from headrace.db.database import Database
from headrace.db.messages import MessageFilter
from headrace.db.row_batches import RowBatches, RowKey
from headrace.db.tables import messages as table
from headrace.db.tables import users
from tests.conftest import settings_for
from tests.support.flow_builder import echo_flow


@pytest.fixture
def conversation(client: httpx2.Client) -> dict[str, str]:
    """Run a flow five times in two sessions."""
    flow = client.post("/api/v1/flows/", json={"name": f"f {uuid.uuid4()}", "data": echo_flow()}).json()["id"]
    first, second = f"s1-{uuid.uuid4()}", f"s2-{uuid.uuid4()}"
    for text, session in [("a", first), ("b", first), ("c", second), ("d", first), ("e", second)]:
        body = {"input_value": text, "session_id": session}
        assert client.post(f"/api/v1/run/{flow}", json=body).status_code == 200
    return {"flow": flow, "first": first, "second": second}


def texts(client: httpx2.Client, **params: Any) -> list[str]:
    return [m["text"] for m in client.get("/api/v1/monitor/messages", params=params).json()]


def test_messages_are_filtered_and_ordered(client: httpx2.Client, conversation: dict[str, str]) -> None:
    flow = {"flow_id": conversation["flow"]}
    assert texts(client, **flow) == [text for text in "abcde" for _ in range(2)]
    assert texts(client, **flow, sender="Machine", order="DESC") == list("edcba")
    assert texts(client, **flow, session_id=conversation["first"], sender_name="User") == list("abd")
    assert texts(client, **flow, sender="User", limit=2) == list("de")
    by_session = client.get("/api/v1/monitor/messages", params={**flow, "order_by": "session_id"}).json()
    assert [m["session_id"] for m in by_session] == sorted(m["session_id"] for m in by_session)
    assert client.get("/api/v1/monitor/messages", params={"order_by": "password"}).status_code == 422


def test_paging_back_returns_every_message_once(client: httpx2.Client, conversation: dict[str, str]) -> None:
    paged_ids: list[str] = []
    params: dict[str, Any] = {"flow_id": conversation["flow"], "limit": 3}
    while page := client.get("/api/v1/monitor/messages", params=params).json():
        paged_ids = [m["id"] for m in page] + paged_ids
        params["before"] = page[0]["id"]
    all_messages = client.get("/api/v1/monitor/messages", params={"flow_id": conversation["flow"]}).json()
    assert paged_ids == [m["id"] for m in all_messages]


def test_sessions_are_listed_renamed_and_deleted(client: httpx2.Client, conversation: dict[str, str]) -> None:
    def sessions() -> list[str]:
        return list(client.get("/api/v1/monitor/messages/sessions", params={"flow_id": conversation["flow"]}).json())

    assert sessions() == sorted([conversation["first"], conversation["second"]])
    new = f"team/{uuid.uuid4()} ü"
    renamed = client.patch(
        f"/api/v1/monitor/messages/session/{conversation['first']}", params={"new_session_id": new}
    ).json()
    assert {m["session_id"] for m in renamed} == {new}
    assert [m["text"] for m in renamed] == list("aabbdd")
    assert set(sessions()) == {new, conversation["second"]}
    assert client.delete(f"/api/v1/monitor/messages/session/{new}").status_code == 204
    assert sessions() == [conversation["second"]]


def test_a_changed_text_is_marked_as_edited(client: httpx2.Client, conversation: dict[str, str]) -> None:
    message = client.get("/api/v1/monitor/messages", params={"session_id": conversation["second"]}).json()[0]
    address = f"/api/v1/monitor/messages/{message['id']}"
    unchanged = client.put(address, json={"text": message["text"]}).json()
    assert unchanged["edit"] is False
    changed = client.put(address, json={"text": "new", "properties": {"positive_feedback": True}}).json()
    assert (changed["edit"], changed["text"], changed["sender"]) == (True, "new", message["sender"])
    assert changed["properties"]["positive_feedback"] is True
    assert texts(client, session_id=conversation["second"])[0] == "new"


ROWS = st.lists(st.tuples(st.sampled_from(["", "a", "b", "b/c", "ü"]), st.sampled_from([0, 1])), max_size=12)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_the_index_scan_finds_the_same_sessions_as_a_scan_of_all_messages(
    tmp_path: Path, database_url: str | None, rows: list[tuple[str, int]]
) -> None:
    owner, flows = uuid.uuid4(), [uuid.uuid4(), uuid.uuid4()]
    start = datetime.now(UTC)

    async def check() -> None:
        database = Database(settings_for(tmp_path, database_url))
        await database.open()
        async with database.engine.begin() as connection:
            user = {"id": owner, "username": str(owner), "password": "-", "is_active": True, "is_superuser": False}
            await connection.execute(insert(users), {**user, "create_at": start, "updated_at": start})
            for i, (session, flow) in enumerate(rows):
                message = {"id": uuid.uuid4(), "user_id": owner, "flow_id": flows[flow], "session_id": session}
                other_columns = {"context_id": "", "text": str(i), "files": [], "error": False, "edit": False}
                display_columns = {"category": "message", "properties": {}, "content_blocks": []}
                # Several messages share a timestamp, as on a busy server.
                at = {"timestamp": start + timedelta(seconds=i // 3)}
                await connection.execute(insert(table), {**message, **other_columns, **display_columns, **at})
        async with database.connect() as connection:
            all_sessions = await messages.sessions(connection, owner, None, limit=100)
            sessions_of_first_flow = await messages.sessions(connection, owner, flows[0], limit=100)
            paged: list[RowKey] = []
            before = None
            while page := await messages.list_keys(connection, owner, MessageFilter(), limit=2, before=before):
                paged = page + paged
                before = page[0].id
        batches = RowBatches(database, owner, table.c.id, paged).read()
        texts_in_order = [row["text"] async for rows_read in batches for row in rows_read]
        await database.close()
        assert set(all_sessions) == {s for s, _ in rows if s}
        assert len(all_sessions) == len(set(all_sessions))
        assert set(sessions_of_first_flow) == {s for s, flow in rows if s and flow == 0}
        assert sorted(texts_in_order, key=int) == [str(i) for i in range(len(rows))]

    asyncio.run(check())
