"""The tokens that models use, in answers, messages, events and recorded builds."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.components.test_agent import SIX, agent_flow
from tests.components.test_flow_controls import calling_flow
from tests.models.test_attachments import text_of_answer
from tests.support.flow_builder import echo_flow
from tests.support.flows import create_flow
from tests.support.model_flows import flow_of
from tests.support.model_server import KEY, model_app
from tests.support.server import serving

#: The model server counts a token for each word: here `say one two` and `one two`.
USAGE = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5, "cached_tokens": 1, "reasoning_tokens": 1}


def run(client: httpx2.Client, flow: str, text: str, *, stream: bool = False) -> dict[str, Any]:
    """Run a flow and return its answer."""
    params, body = {"stream": str(stream).lower()}, {"input_value": text, "session_id": str(uuid.uuid4())}
    answer = client.post(f"/api/v1/run/{flow}", params=params, json=body)
    assert answer.status_code == 200, answer.text
    return dict(json.loads(answer.text.strip().split("\n\n")[-1])["data"]["result"] if stream else answer.json())


@pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])
@pytest.mark.parametrize("kind", ["LanguageModelComponent", "OpenAIModel", "Agent", "ToolCallingAgent"])
def test_an_answer_and_its_message_have_the_usage(
    client: httpx2.Client, model_url: str, kind: str, stream: bool
) -> None:
    instructions = {"Agent": {"system_prompt": ""}, "ToolCallingAgent": {"system_prompt": ""}}.get(kind, {})
    flow = create_flow(client, flow_of(kind, model_url, **instructions))
    answer = run(client, flow, "say one two", stream=stream)
    assert answer["usage"] == USAGE
    message = answer["outputs"][0]["outputs"][0]["results"]["message"]
    assert message["properties"]["usage"] == USAGE
    stored = client.get("/api/v1/monitor/messages", params={"session_id": answer["session_id"]}).json()
    assert [m["properties"]["usage"] for m in stored if m["sender"] == "Machine"] == [USAGE]


def test_the_usage_of_an_agent_is_the_sum_of_its_calls(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, agent_flow(model_url, system_prompt="", add_current_date_tool=False).data)
    usage = run(client, flow, SIX)["usage"]
    assert (usage["cached_tokens"], usage["reasoning_tokens"]) == (2, 2)


def test_a_flow_without_a_model_has_no_usage(client: httpx2.Client) -> None:
    answer = run(client, create_flow(client, echo_flow()), "hello")
    assert "usage" not in answer
    assert answer["outputs"][0]["outputs"][0]["results"]["message"]["properties"]["usage"] is None


def test_a_build_has_the_usage_of_each_vertex(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, flow_of("OpenAIModel", model_url))
    body = {"inputs": {"input_value": "say one two"}}
    answer = client.post(f"/api/v1/build/{flow}/flow", params={"event_delivery": "direct"}, json=body)
    events = [json.loads(line) for line in answer.text.strip().split("\n\n")]
    ended = [event["data"]["build_data"] for event in events if event["event"] == "end_vertex"]
    assert {data["id"]: data["data"].get("usage") for data in ended} == {
        "ChatInput-a": None,
        "Model-m": USAGE,
        "ChatOutput-b": None,
    }
    builds = client.get("/api/v1/monitor/builds", params={"flow_id": flow}).json()["vertex_builds"]
    assert builds["Model-m"][0]["data"]["usage"] == USAGE


def test_a_flow_that_another_flow_runs_counts_for_the_vertex_that_runs_it(
    client: httpx2.Client, model_url: str
) -> None:
    inner = create_flow(client, flow_of("OpenAIModel", model_url))
    outer = create_flow(client, calling_flow(flow_id_selected=inner).data)
    answer = client.post(f"/api/v1/run/{outer}", json={"input_value": "say one two", "output_type": "debug"}).json()
    usages = {result["component_id"]: result.get("usage") for result in answer["outputs"][0]["outputs"]}
    assert (answer["usage"], usages) == (USAGE, {"ChatInput-a": None, "RunFlow-r": USAGE, "ChatOutput-b": None})


@pytest.fixture(scope="module")
def server_without_stream_usage() -> Iterator[str]:
    app = model_app()
    app.state.rejects_usage = True
    with serving(app) as address:
        yield f"{address}/v1"


def test_a_server_that_rejects_the_option_for_usage_streams_without_it(
    client: httpx2.Client, server_without_stream_usage: str
) -> None:
    flow = create_flow(client, flow_of("OpenAIModel", server_without_stream_usage))
    for _ in range(2):
        body = {"input_value": "say one two"}
        answer = client.post(f"/api/v1/run/{flow}", params={"stream": "true"}, json=body)
        result = json.loads(answer.text.strip().split("\n\n")[-1])["data"]["result"]
        assert result["outputs"][0]["outputs"][0]["results"]["message"]["text"] == "one two"
        assert "usage" not in result
    assert KEY not in answer.text
    assert text_of_answer(client.post(f"/api/v1/run/{flow}", json=body)) == "one two"
