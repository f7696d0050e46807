"""Values with many parts are measured and encoded in threads: on the event loop they would delay all other runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import httpx2
import pytest

from headrace.app import create_app
from headrace.graph.events import MessageEmitted
from headrace.isolation.rpc.encoding import encode_large
from headrace.limits.account import Account
from headrace.limits.byte_budget import ByteLedger, ByteLimits
from headrace.runs.event_queue import EventQueue
from headrace.schema import Message
from headrace.schema.message_size import MAX_MESSAGE_PARTS, TooManyPartsError
from tests.conftest import settings_for
from tests.isolation.test_crossing import add_component, component
from tests.support.clients import signed_in
from tests.support.custom_code import create_flow
from tests.support.flow_builder import FlowBuilder
from tests.support.loop_spy import LoopSpy

pytestmark = pytest.mark.any_database

PARTS = 60_000
MANY_PARTS = component(
    "MessageTextInput(name='prompt')",
    "Output(name='out', method='make')",
    "    def make(self) -> dict:\n"
    f"        return {{'rows': [LoopSpy(name='the first'), *({{'n': 1}} for _ in range({PARTS}))]}}",
    head="from tests.support.loop_spy import LoopSpy\n",
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    settings = settings_for(tmp_path_factory.mktemp("large"), code_isolation="none", max_recorded_bytes=500_000)
    with signed_in(create_app(settings)) as client:
        yield client


@pytest.fixture(scope="module")
def flow_id(client: httpx2.Client) -> str:
    flow = add_component(FlowBuilder(), "Own-o", MANY_PARTS, "out", prompt="x")
    return str(create_flow(client, flow.data)["id"])


def test_a_build_encodes_and_records_a_value_with_many_parts_in_a_thread(client: httpx2.Client, flow_id: str) -> None:
    text = client.post(f"/api/v1/build/{flow_id}/flow", params={"event_delivery": "direct"}, json={}).text
    events = [json.loads(line) for line in text.split("\n\n") if line]
    assert [event["event"] for event in events] == ["vertices_sorted", "end_vertex", "end"], text[:1000]
    rows = events[1]["data"]["build_data"]["data"]["results"]["out"]["rows"]
    assert len(rows) == PARTS + 1
    recorded = client.get("/api/v1/monitor/builds", params={"flow_id": flow_id}).json()["vertex_builds"]
    assert recorded["Own-o"][0]["data"]["results"]["out"]["rows"][0] == {"name": "the first"}


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_with_many_parts_is_encoded_in_a_thread(client: httpx2.Client, flow_id: str, stream: bool) -> None:
    body = {"input_value": "x", "output_type": "debug"}
    response = client.post(f"/api/v1/run/{flow_id}", params={"stream": stream}, json=body)
    assert response.status_code == 200, response.text[:1000]
    assert response.text.count('"the first"') >= 1, response.text[:1000]


def test_a_value_with_many_parts_is_encoded_for_a_worker_in_a_thread() -> None:
    value = [LoopSpy(name="the first"), *({"n": 1} for _ in range(PARTS))]
    encoded = asyncio.run(encode_large(value))
    assert encoded[0] == {"name": "the first"}
    assert len(encoded) == PARTS + 1


def test_a_message_with_too_many_parts_is_refused() -> None:
    message = Message(text="x", content_blocks=[{"parts": [LoopSpy() for _ in range(MAX_MESSAGE_PARTS + 1)]}])
    queue = EventQueue(ByteLedger(ByteLimits()).open(Account("ann")))
    with pytest.raises(TooManyPartsError, match="Return large results as Data"):
        queue.put(MessageEmitted(message))
