"""The OpenAI API, called by OpenAI's SDK and by other clients."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx2
import openai

from tests.support.flow_builder import FlowBuilder, echo_flow, model_flow
from tests.support.flows import create_flow
from tests.support.model_server import KEY


def test_the_sdk_creates_a_response(client: httpx2.Client, sdk: openai.OpenAI, model_url: str) -> None:
    response = sdk.responses.create(model=create_flow(client, model_flow(model_url, KEY)), input="ahoy")
    assert (response.status, response.output_text) == ("completed", "[You are a pirate.] ahoy")


def test_the_sdk_parses_the_events_of_a_stream(client: httpx2.Client, sdk: openai.OpenAI, model_url: str) -> None:
    flow = create_flow(client, model_flow(model_url, KEY, stream=True))
    events = list(sdk.responses.create(model=flow, input="ahoy", stream=True))
    kinds = [e.type for e in events]
    deltas = [e.delta for e in events if e.type == "response.output_text.delta"]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [e.sequence_number for e in events] == list(range(len(events)))
    assert len(deltas) > 3
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == "".join(deltas)


def test_the_sdks_own_stream_helper_works(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    with sdk.responses.stream(model=create_flow(client, echo_flow()), input="hello") as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_text == "hello"


def test_the_sdk_creates_chat_completions(client: httpx2.Client, sdk: openai.OpenAI, model_url: str) -> None:
    flow = create_flow(client, model_flow(model_url, KEY, stream=True))
    messages: Any = [{"role": "user", "content": "ahoy"}]
    completion = sdk.chat.completions.create(model=flow, messages=messages)
    assert completion.choices[0].message.content is not None
    assert completion.choices[0].message.content.strip() == "[You are a pirate.] ahoy"
    chunks = list(sdk.chat.completions.create(model=flow, messages=messages, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks).strip() == "[You are a pirate.] ahoy"
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_flows_are_listed_as_models(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    name = f"m-{uuid.uuid4().hex}"
    create_flow(client, echo_flow(), endpoint_name=name)
    nameless = create_flow(client, echo_flow())
    assert {name, nameless} <= {model.id for model in sdk.models.list()}
    assert sdk.responses.create(model=name, input="by name").output_text == "by name"


def test_a_header_sets_a_variable_for_one_run(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("TextInput", "TextInput-v", input_value="TOPIC")
        .node("ChatOutput", "ChatOutput-b")
        .edge("TextInput-v", "text", "ChatOutput-b", "input_value")
    )
    flow.data["nodes"][1]["data"]["node"]["template"]["input_value"]["load_from_db"] = True
    flow_id = create_flow(client, flow.data)
    headers = {"X-LANGFLOW-GLOBAL-VAR-TOPIC": "mills"}
    assert sdk.responses.create(model=flow_id, input="x", extra_headers=headers).output_text == "mills"
    assert sdk.responses.create(model=flow_id, input="x").output_text == "TOPIC"


def test_other_clients_receive_the_recorded_chunks(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, model_flow(model_url, KEY, stream=True))
    response = client.post("/api/v1/responses", json={"model": flow, "input": "ahoy", "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    assert all(set(c) == {"id", "object", "created", "model", "delta", "status"} for c in chunks)
    assert "".join(c["delta"].get("content", "") for c in chunks).strip() == "[You are a pirate.] ahoy"
    assert [c["status"] for c in chunks[-2:]] == [None, "completed"]


def test_other_clients_receive_the_recorded_errors(client: httpx2.Client) -> None:
    missing_flow = client.post("/api/v1/responses", json={"model": "no-such-flow", "input": "x"})
    assert (missing_flow.status_code, missing_flow.json()["error"]["code"]) == (200, "flow_not_found")
    tools = client.post("/api/v1/responses", json={"model": "any", "input": "x", "tools": [{"type": "function"}]})
    assert tools.json()["error"]["code"] == "tools_not_supported"
    invalid = client.post("/api/v1/responses", json={"input": "x"})
    assert (invalid.status_code, invalid.json()["detail"][0]["loc"]) == (422, ["body", "model"])
