"""A streamed run streams every model, whatever the switch of the node says."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.support.flows import create_flow
from tests.support.model_flows import flow_of


def events_of(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.strip().split("\n\n")]


@pytest.mark.parametrize("switch", [False, True], ids=["off", "on"])
@pytest.mark.parametrize("kind", ["LanguageModelComponent", "OpenAIModel"])
def test_a_streamed_run_streams_its_model(client: httpx2.Client, model_url: str, kind: str, switch: bool) -> None:
    flow = create_flow(client, flow_of(kind, model_url, stream=switch))
    events = events_of(
        client.post(f"/api/v1/run/{flow}", params={"stream": "true"}, json={"input_value": "say one two three"})
    )
    tokens = [event["data"]["chunk"] for event in events if event["event"] == "token"]
    assert tokens == ["one ", "two ", "three"]
    assert events[-1]["data"]["result"]["outputs"][0]["outputs"][0]["results"]["message"]["text"] == "one two three"


def test_an_advanced_run_streams_its_model(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, flow_of("OpenAIModel", model_url, stream=False))
    body = {"inputs": [{"input_value": "say one two"}], "stream": True}
    events = events_of(client.post(f"/api/v1/run/advanced/{flow}", json=body))
    assert [event["data"]["chunk"] for event in events if event["event"] == "token"] == ["one ", "two"]


def test_a_streamed_response_streams_its_model(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, flow_of("OpenAIModel", model_url, stream=False))
    answer = client.post("/api/v1/responses", json={"model": flow, "input": "say one two", "stream": True})
    assert all(f'"content":"{word}"' in answer.text for word in ("one ", "two"))
