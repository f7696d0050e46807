"""Flows as OpenAI's models, asked by OpenAI's own SDK and by plain clients."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from tests.flow_builder import FlowBuilder, echo_flow, model_flow
from tests.model_server import KEY


def saved(client: httpx2.Client, data: dict[str, Any], **more: Any) -> str:
    answer = client.post("/api/v1/flows/", json={"name": f"flow {uuid.uuid4()}", "data": data, **more})
    return str(answer.json()["id"])


@pytest.fixture
def sdk(client: httpx2.Client) -> Iterator[openai.OpenAI]:
    key = client.post("/api/v1/api_key/", json={"name": "sdk"}).json()["api_key"]
    with openai.OpenAI(base_url=f"{client.base_url}/api/v1", api_key=key, max_retries=0) as made:
        yield made


def test_the_sdk_gets_a_response(client: httpx2.Client, sdk: openai.OpenAI, model_url: str) -> None:
    response = sdk.responses.create(model=saved(client, model_flow(model_url, KEY)), input="ahoy")
    assert (response.status, response.output_text) == ("completed", "[You are a pirate.] ahoy")


def test_the_sdk_gets_the_typed_events_of_a_stream(client: httpx2.Client, sdk: openai.OpenAI, model_url: str) -> None:
    flow = saved(client, model_flow(model_url, KEY, stream=True))
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
    assert events[-1].response.output_text == "".join(deltas)


def test_the_sdks_own_stream_helper_works(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    with sdk.responses.stream(model=saved(client, echo_flow()), input="hello") as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_text == "hello"


def remembering() -> dict[str, Any]:
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("Memory", "Memory-m", template="{text}")
        .node("ChatOutput", "ChatOutput-b", should_store_message=False)
        .edge("Memory-m", "messages_text", "ChatOutput-b", "input_value")
        .data
    )


def test_a_conversation_goes_on_from_the_response_before(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    flow = saved(client, remembering())
    first = sdk.responses.create(model=flow, input="one")
    second = sdk.responses.create(model=flow, input="two", previous_response_id=first.id)
    assert (first.output_text, second.output_text) == ("one", "one\ntwo")
    assert second.previous_response_id == first.id
    assert sdk.responses.create(model=flow, input="alone").output_text == "alone"


def test_the_sdk_completes_chats(client: httpx2.Client, sdk: openai.OpenAI, model_url: str) -> None:
    flow = saved(client, model_flow(model_url, KEY, stream=True))
    messages: Any = [{"role": "system", "content": "passed over"}, {"role": "user", "content": "ahoy"}]
    whole = sdk.chat.completions.create(model=flow, messages=messages)
    assert whole.choices[0].message.content is not None
    assert whole.choices[0].message.content.strip() == "[You are a pirate.] ahoy"
    chunks = list(sdk.chat.completions.create(model=flow, messages=messages, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks).strip() == "[You are a pirate.] ahoy"
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_flows_are_listed_as_models(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    name = f"m-{uuid.uuid4().hex}"
    saved(client, echo_flow(), endpoint_name=name)
    nameless = saved(client, echo_flow())
    assert {name, nameless} <= {model.id for model in sdk.models.list()}
    assert sdk.responses.create(model=name, input="by name").output_text == "by name"


def test_the_sdk_sees_errors_as_its_own(client: httpx2.Client, sdk: openai.OpenAI, model_url: str) -> None:
    with pytest.raises(openai.NotFoundError, match="not found"):
        sdk.responses.create(model="no-such-flow", input="x")
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        sdk.chat.completions.create(model="no-such-flow", messages=[{"role": "user", "content": "x"}])
    broken = saved(client, model_flow(model_url, "wrong key", stream=True))
    with pytest.raises(openai.InternalServerError, match="OpenAI"):
        sdk.responses.create(model=broken, input="x")
    last = list(sdk.responses.create(model=broken, input="x", stream=True))[-1]
    assert (last.type, last.response.error is not None) == ("response.failed", True)
    wrong = sdk.with_options(api_key="sk-wrong")
    with pytest.raises(openai.PermissionDeniedError):
        wrong.models.list()


def test_a_header_sets_a_variable_for_one_run(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("TextInput", "TextInput-v", input_value="TOPIC")
        .node("ChatOutput", "ChatOutput-b")
        .edge("TextInput-v", "text", "ChatOutput-b", "input_value")
    )
    flow.data["nodes"][1]["data"]["node"]["template"]["input_value"]["load_from_db"] = True
    saved_id = saved(client, flow.data)
    headers = {"X-LANGFLOW-GLOBAL-VAR-TOPIC": "mills"}
    assert sdk.responses.create(model=saved_id, input="x", extra_headers=headers).output_text == "mills"
    assert sdk.responses.create(model=saved_id, input="x").output_text == "TOPIC"


def test_other_clients_read_the_recorded_chunks(client: httpx2.Client, model_url: str) -> None:
    flow = saved(client, model_flow(model_url, KEY, stream=True))
    answer = client.post("/api/v1/responses", json={"model": flow, "input": "ahoy", "stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    assert all(set(c) == {"id", "object", "created", "model", "delta", "status"} for c in chunks)
    assert "".join(c["delta"].get("content", "") for c in chunks).strip() == "[You are a pirate.] ahoy"
    assert [c["status"] for c in chunks[-2:]] == [None, "completed"]


def test_other_clients_get_errors_as_recorded(client: httpx2.Client) -> None:
    missing = client.post("/api/v1/responses", json={"model": "no-such-flow", "input": "x"})
    assert (missing.status_code, missing.json()["error"]["code"]) == (200, "flow_not_found")
    tools = client.post("/api/v1/responses", json={"model": "any", "input": "x", "tools": [{"type": "function"}]})
    assert tools.json()["error"]["code"] == "tools_not_supported"
    invalid = client.post("/api/v1/responses", json={"input": "x"})
    assert (invalid.status_code, invalid.json()["detail"][0]["loc"]) == (422, ["body", "model"])
