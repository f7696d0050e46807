"""Large answers are encoded in threads and count against the caller's memory."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.api.http.large_response import LargeResponse
from headrace.api.routers.openai.runs import json_response
from headrace.app import create_app
from headrace.limits.account import Account
from headrace.limits.byte_budget import ByteLedger
from headrace.limits.large_values import LARGE_VALUE_BYTES
from tests.conftest import settings_for
from tests.support.clients import signed_in
from tests.support.flow_builder import echo_flow
from tests.support.flows import create_flow


@pytest.mark.parametrize(("size", "is_in_thread"), [(LARGE_VALUE_BYTES, False), (LARGE_VALUE_BYTES + 1, True)])
def test_a_large_body_is_made_in_a_thread(size: int, is_in_thread: bool) -> None:
    threads: list[int] = []

    def make_body() -> dict[str, Any]:
        threads.append(threading.get_ident())
        return {"text": "x" * size}

    async def respond() -> tuple[int, object]:
        response = await json_response(lambda: ByteLedger().open(Account("ada")), size, make_body)
        return threading.get_ident(), response

    loop_thread, response = asyncio.run(respond())
    assert (threads != [loop_thread]) is is_in_thread
    assert isinstance(response, LargeResponse)


def test_all_choices_count_until_the_last_run_has_ended(tmp_path: Path) -> None:
    with signed_in(create_app(settings_for(tmp_path, max_run_bytes=10_000_000))) as client:
        flow = create_flow(client, echo_flow())
        body = {"model": flow, "messages": [{"role": "user", "content": "x" * 500_000}]}
        assert client.post("/v1/chat/completions", json=body).status_code == 200
        refused = client.post("/v1/chat/completions", json={**body, "n": 16})
    assert refused.status_code == 413, refused.text[:200]
    assert "HEADRACE_MAX_RUN_BYTES" in refused.json()["error"]["message"]


def test_stored_objects_count_until_the_client_has_them(database_url: str | None, tmp_path: Path) -> None:
    generous = create_app(settings_for(tmp_path, database_url))
    with signed_in(generous) as client:
        flow = create_flow(client, echo_flow())
        stored = client.post("/v1/responses", json={"model": flow, "input": "x" * 1_900_000}).json()["id"]
    with signed_in(create_app(settings_for(tmp_path, database_url, max_run_bytes=1_000_000))) as client:
        for path in (stored, f"{stored}/input_items"):
            refused = client.get(f"/v1/responses/{path}")
            assert refused.status_code == 413, path
            assert "HEADRACE_MAX_RUN_BYTES" in refused.json()["error"]["message"]


def test_the_items_of_a_conversation_are_returned_whole(client: httpx2.Client) -> None:
    items = [{"role": "user", "content": f"{n} {'x' * 300_000}"} for n in range(5)]
    conversation = client.post("/v1/conversations").json()["id"]
    added = client.post(f"/v1/conversations/{conversation}/items", json={"items": items}).json()
    listed = client.get(f"/v1/conversations/{conversation}/items").json()
    assert listed["data"] == added["data"][::-1]
    item = client.get(f"/v1/conversations/{conversation}/items/{added['last_id']}").json()
    assert item["content"][0]["text"] == items[-1]["content"]
