"""Messages are found again, page by page and session by session."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from headrace.store import messages
from headrace.store.messages import MessageFilter
from headrace.store.store import Store
from headrace.store.tables import messages as table
from headrace.store.tables import users
from tests.conftest import settings_for
from tests.flow_builder import echo_flow


@pytest.fixture
def talk(client: httpx2.Client) -> dict[str, str]:
    """Run a flow five times in two sessions."""
    flow = client.post("/api/v1/flows/", json={"name": f"f {uuid.uuid4()}", "data": echo_flow()}).json()["id"]
    first, second = f"s1-{uuid.uuid4()}", f"s2-{uuid.uuid4()}"
    for said, session in [("a", first), ("b", first), ("c", second), ("d", first), ("e", second)]:
        body = {"input_value": said, "session_id": session}
        assert client.post(f"/api/v1/run/{flow}", json=body).status_code == 200
    return {"flow": flow, "first": first, "second": second}


def texts(client: httpx2.Client, **params: object) -> list[str]:
    return [m["text"] for m in client.get("/api/v1/monitor/messages", params=params).json()]


def test_messages_are_filtered_and_ordered(client: httpx2.Client, talk: dict[str, str]) -> None:
    flow = {"flow_id": talk["flow"]}
    assert texts(client, **flow) == [t for said in "abcde" for t in (said, said)]
    assert texts(client, **flow, sender="Machine", order="DESC") == list("edcba")
    assert texts(client, **flow, session_id=talk["first"], sender_name="User") == list("abd")
    assert texts(client, **flow, sender="User", limit=2) == list("de")
    by_session = client.get("/api/v1/monitor/messages", params={**flow, "order_by": "session_id"}).json()
    assert [m["session_id"] for m in by_session] == sorted(m["session_id"] for m in by_session)
    assert client.get("/api/v1/monitor/messages", params={"order_by": "password"}).status_code == 422


def test_pages_go_back_to_the_first_message_without_a_gap(client: httpx2.Client, talk: dict[str, str]) -> None:
    seen: list[str] = []
    params: dict[str, object] = {"flow_id": talk["flow"], "limit": 3}
    while page := client.get("/api/v1/monitor/messages", params=params).json():
        seen = [m["id"] for m in page] + seen
        params["before"] = page[0]["id"]
    whole = client.get("/api/v1/monitor/messages", params={"flow_id": talk["flow"]}).json()
    assert seen == [m["id"] for m in whole]


def test_sessions_are_listed_renamed_and_deleted(client: httpx2.Client, talk: dict[str, str]) -> None:
    def sessions() -> list[str]:
        return list(client.get("/api/v1/monitor/messages/sessions", params={"flow_id": talk["flow"]}).json())

    assert sessions() == sorted([talk["first"], talk["second"]])
    new = f"team/{uuid.uuid4()} ü"
    renamed = client.patch(f"/api/v1/monitor/messages/session/{talk['first']}", params={"new_session_id": new}).json()
    assert {m["session_id"] for m in renamed} == {new}
    assert [m["text"] for m in renamed] == list("aabbdd")
    assert set(sessions()) == {new, talk["second"]}
    assert client.delete(f"/api/v1/monitor/messages/session/{new}").status_code == 204
    assert sessions() == [talk["second"]]


def test_a_changed_text_is_marked_as_edited(client: httpx2.Client, talk: dict[str, str]) -> None:
    message = client.get("/api/v1/monitor/messages", params={"session_id": talk["second"]}).json()[0]
    address = f"/api/v1/monitor/messages/{message['id']}"
    same = client.put(address, json={"text": message["text"]}).json()
    assert same["edit"] is False
    changed = client.put(address, json={"text": "new", "properties": {"positive_feedback": True}}).json()
    assert (changed["edit"], changed["text"], changed["sender"]) == (True, "new", message["sender"])
    assert changed["properties"]["positive_feedback"] is True
    assert texts(client, session_id=talk["second"])[0] == "new"


ROWS = st.lists(st.tuples(st.sampled_from(["", "a", "b", "b/c", "ü"]), st.sampled_from([0, 1])), max_size=12)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_walking_the_index_finds_the_same_sessions_as_looking_at_every_message(
    tmp_path: Path, database_url: str | None, rows: list[tuple[str, int]]
) -> None:
    owner, flows = uuid.uuid4(), [uuid.uuid4(), uuid.uuid4()]
    begun = datetime.now(UTC)

    async def check() -> None:
        store = Store(settings_for(tmp_path, database_url))
        await store.open()
        async with store.engine.begin() as connection:
            user = {"id": owner, "username": str(owner), "password": "-", "is_active": True, "is_superuser": False}
            await connection.execute(insert(users), {**user, "create_at": begun, "updated_at": begun})
            for i, (session, flow) in enumerate(rows):
                message = {"id": uuid.uuid4(), "user_id": owner, "flow_id": flows[flow], "session_id": session}
                rest = {"context_id": "", "text": str(i), "files": [], "error": False, "edit": False}
                shown = {"category": "message", "properties": {}, "content_blocks": []}
                # Several in one moment, as a busy server has them.
                at = {"timestamp": begun + timedelta(seconds=i // 3)}
                await connection.execute(insert(table), {**message, **rest, **shown, **at})
        async with store.reading() as connection:
            everything = await messages.sessions(connection, owner, None, limit=100)
            of_first = await messages.sessions(connection, owner, flows[0], limit=100)
            paged: list[str] = []
            before = None
            while page := await messages.listed(connection, owner, MessageFilter(), limit=2, before=before):
                paged = [row["text"] for row in page] + paged
                before = page[0]["id"]
        await store.close()
        assert set(everything) == {s for s, _ in rows if s}
        assert len(everything) == len(set(everything))
        assert set(of_first) == {s for s, flow in rows if s and flow == 0}
        assert sorted(paged, key=int) == [str(i) for i in range(len(rows))]

    asyncio.run(check())
