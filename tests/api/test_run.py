"""Runs of flows over HTTP."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import httpx2
import pytest

from tests.support.flow_builder import FlowBuilder, echo_flow, model_flow
from tests.support.flows import create_flow
from tests.support.model_server import KEY, NEVER


def text_of(response: httpx2.Response) -> str:
    assert response.status_code == 200, response.text
    return str(response.json()["outputs"][0]["outputs"][0]["results"]["message"]["text"])


def events_of(body: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.split("\n\n") if line]


def test_an_echo_flow_returns_the_recorded_structure(client: httpx2.Client) -> None:
    flow_id = create_flow(client, echo_flow())
    body = client.post(f"/api/v1/run/{flow_id}", json={"input_value": "hello"}).json()
    assert body["session_id"] == flow_id
    (run,) = body["outputs"]
    assert run["inputs"] == {"input_value": "hello"}
    (result,) = run["outputs"]
    assert set(result) == {
        "results",
        "artifacts",
        "outputs",
        "logs",
        "messages",
        "timedelta",
        "duration",
        "component_display_name",
        "component_id",
        "used_frozen_result",
    }
    assert result["artifacts"] == {
        "message": "hello",
        "sender": "Machine",
        "sender_name": "AI",
        "files": [],
        "type": "object",
    }
    assert result["outputs"] == {"message": {"message": "hello", "type": "text"}}
    assert result["messages"] == [
        {
            "message": "hello",
            "sender": "Machine",
            "sender_name": "AI",
            "session_id": flow_id,
            "stream_url": None,
            "component_id": "ChatOutput-b",
            "files": [],
            "type": "text",
        }
    ]
    message = result["results"]["message"]
    assert set(message) == {
        "text_key",
        "data",
        "default_value",
        "text",
        "sender",
        "sender_name",
        "files",
        "session_id",
        "context_id",
        "timestamp",
        "flow_id",
        "error",
        "edit",
        "properties",
        "category",
        "content_blocks",
        "duration",
    }
    assert message["data"]["properties"]["source"] == {
        "id": "ChatInput-a",
        "display_name": "Chat Input",
        "source": "Chat Input",
    }


def test_a_model_flow_returns_the_models_reply(client: httpx2.Client, model_url: str) -> None:
    flow_id = create_flow(client, model_flow(model_url, KEY))
    response = client.post(f"/api/v1/run/{flow_id}", json={"input_value": "Ahoy"})
    assert text_of(response) == "[You are a pirate.] Ahoy"
    source = response.json()["outputs"][0]["outputs"][0]["results"]["message"]["properties"]["source"]
    assert source == {"id": "OpenAIModel-m", "display_name": "OpenAI", "source": "gpt-4o-mini"}


def test_tokens_of_the_model_are_streamed(client: httpx2.Client, model_url: str) -> None:
    flow_id = create_flow(client, model_flow(model_url, KEY, stream=True))
    response = client.post(f"/api/v1/run/{flow_id}?stream=true", json={"input_value": "Ahoy"})
    assert response.headers["content-type"].startswith("text/event-stream")
    events = events_of(response.text)
    event_names = [e["event"] for e in events]
    assert event_names[:2] == ["add_message", "add_message"]
    assert event_names[-2:] == ["add_message", "end"]
    assert set(event_names[2:-2]) == {"token"}
    assert "".join(e["data"]["chunk"] for e in events if e["event"] == "token") == "[You are a pirate.] Ahoy"
    assert events[1]["data"]["properties"]["state"] == "partial"
    assert events[-2]["data"]["properties"]["state"] == "complete"
    assert len({e["data"]["id"] for e in events[1:-1]}) == 1


def test_sessions_of_a_flow_have_separate_histories(client: httpx2.Client, model_url: str) -> None:
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("Memory", "Memory-h")
        .node("Prompt", "Prompt-p", template="{history}", history="")
        .node("OpenAIModel", "OpenAIModel-m", openai_api_base=model_url, api_key=KEY)
        .node("ChatOutput", "ChatOutput-b")
        .edge("Memory-h", "messages_text", "Prompt-p", "history")
        .edge("Prompt-p", "prompt", "OpenAIModel-m", "system_message")
        .edge("ChatInput-a", "message", "OpenAIModel-m", "input_value")
        .edge("OpenAIModel-m", "text_output", "ChatOutput-b", "input_value")
        .data
    )
    flow_id, first, second = create_flow(client, flow), f"s-{uuid.uuid4()}", f"s-{uuid.uuid4()}"
    client.post(f"/api/v1/run/{flow_id}", json={"input_value": "I am Ada", "session_id": first})
    client.post(f"/api/v1/run/{flow_id}", json={"input_value": "I am Bob", "session_id": second})
    response = text_of(client.post(f"/api/v1/run/{flow_id}", json={"input_value": "Who am I?", "session_id": first}))
    assert "User: I am Ada" in response
    assert "Bob" not in response


@pytest.mark.parametrize("key", ["Prompt-p", "Prompt Template", "Prompt"])
def test_a_tweak_sets_a_field_by_node_id_type_or_older_type(client: httpx2.Client, model_url: str, key: str) -> None:
    flow_id = create_flow(client, model_flow(model_url, KEY))
    tweaked = client.post(f"/api/v1/run/{flow_id}", json={"input_value": "Hi", "tweaks": {key: {"role": "a poet"}}})
    assert text_of(tweaked) == "[You are a poet.] Hi"
    assert text_of(client.post(f"/api/v1/run/{flow_id}", json={"input_value": "Hi"})) == "[You are a pirate.] Hi"


@pytest.mark.parametrize("path", ["/api/v1/run/advanced/{}", "/api/v1/run/{}?stream=true", "/api/v1/flows/"])
def test_a_body_that_is_not_sent_as_json_is_an_error_that_names_the_header(client: httpx2.Client, path: str) -> None:
    url = path.format(create_flow(client, echo_flow()))
    form = client.post(url, content='{"name": "x"}', headers={"content-type": "application/x-www-form-urlencoded"})
    assert form.status_code == 422, form.text
    assert "Content-Type: application/json" in form.json()["detail"][0]["msg"]
    assert "not 'application/x-www-form-urlencoded'" in form.json()["detail"][0]["msg"]


def test_a_tweak_of_code_changes_nothing(client: httpx2.Client) -> None:
    flow_id = create_flow(client, echo_flow())
    response = client.post(
        f"/api/v1/run/{flow_id}", json={"input_value": "x", "tweaks": {"ChatInput-a": {"code": "raise SystemExit"}}}
    )
    assert text_of(response) == "x"


def test_an_input_value_and_a_tweak_of_the_same_input_conflict(client: httpx2.Client) -> None:
    flow_id = create_flow(client, echo_flow())
    response = client.post(
        f"/api/v1/run/{flow_id}", json={"input_value": "a", "tweaks": {"ChatInput-a": {"input_value": "b"}}}
    )
    assert response.status_code == 400
    assert (
        response.json()["detail"]
        == "If you pass an input_value to the chat input, you cannot pass a tweak with the same name."
    )


def test_debug_returns_all_vertices_and_output_component_selects_one(client: httpx2.Client) -> None:
    flow_id = create_flow(client, echo_flow())
    debug = client.post(f"/api/v1/run/{flow_id}", json={"input_value": "a", "output_type": "debug"}).json()
    assert [r["component_id"] for r in debug["outputs"][0]["outputs"]] == ["ChatInput-a", "ChatOutput-b"]
    one = client.post(f"/api/v1/run/{flow_id}", json={"input_value": "a", "output_component": "ChatInput-a"}).json()
    assert [r["component_id"] for r in one["outputs"][0]["outputs"]] == ["ChatInput-a"]


def test_an_endpoint_name_runs_the_newest_version(client: httpx2.Client) -> None:
    name = f"echo-{uuid.uuid4()}"
    flow_id = create_flow(client, echo_flow(), endpoint_name=name)
    assert text_of(client.post(f"/api/v1/run/{name}", json={"input_value": "one"})) == "one"
    fixed = FlowBuilder().node("TextInput", "TextInput-t", input_value="fixed").node("ChatOutput", "ChatOutput-b")
    client.patch(
        f"/api/v1/flows/{flow_id}", json={"data": fixed.edge("TextInput-t", "text", "ChatOutput-b", "input_value").data}
    )
    assert text_of(client.post(f"/api/v1/run/{name}", json={"input_value": "two"})) == "fixed"


def test_a_failing_model_names_the_component_and_the_cause(client: httpx2.Client, model_url: str) -> None:
    flow_id = create_flow(client, model_flow(model_url, "sk-wrong"))
    response = client.post(f"/api/v1/run/{flow_id}", json={"input_value": "Ahoy"})
    assert response.status_code == 500
    detail = json.loads(response.json()["detail"])
    assert set(detail) == {"message", "traceback", "description", "code", "suggestion"}
    assert "Component OpenAI" in detail["message"]
    assert "Incorrect API key" in detail["message"]
    assert "sk-wrong" not in response.text
    events = events_of(client.post(f"/api/v1/run/{flow_id}?stream=true", json={"input_value": "Ahoy"}).text)
    # The user's message, and the answer that the model had not begun.
    assert [e["event"] for e in events] == ["add_message", "add_message", "error"]


@pytest.mark.parametrize("stream", ["false", "true"])
def test_a_disconnect_cancels_the_run(client: httpx2.Client, model_url: str, stream: str) -> None:
    flow_id = create_flow(client, model_flow(model_url, KEY, stream=stream == "true"))
    with pytest.raises(httpx2.ReadTimeout):
        client.post(f"/api/v1/run/{flow_id}?stream={stream}", json={"input_value": NEVER}, timeout=1)
    client.close()
    deadline = time.monotonic() + 10
    while not httpx2.get(model_url.removesuffix("/v1") + "/gave-up").json():
        assert time.monotonic() < deadline, "the request to the model was not cancelled"


def test_a_component_cannot_connect_to_a_private_address(client: httpx2.Client) -> None:
    for address in (
        "http://10.0.0.1/v1",
        "http://169.254.169.254/v1",
        "http://[::1]:1/v1",
        "http://localhost:1/v1",
        "http://2130706433.localhost/v1",
    ):
        flow_id = create_flow(client, model_flow(address, KEY))
        response = client.post(f"/api/v1/run/{flow_id}", json={"input_value": "x"})
        assert response.status_code == 500
        assert "LANGFLOW_SSRF_ALLOWED_HOSTS" in response.text, address


def _cycle() -> dict[str, Any]:
    flow = FlowBuilder().node("TextInput", "TextInput-a").node("TextOutput", "TextOutput-b")
    return (
        flow.edge("TextInput-a", "text", "TextOutput-b", "input_value")
        .edge("TextOutput-b", "text", "TextInput-a", "input_value")
        .data
    )


def _edge_to_nowhere() -> dict[str, Any]:
    data = echo_flow()
    data["edges"][0]["target"] = "ChatOutput-gone"
    return data


def _wrong_port_type() -> dict[str, Any]:
    flow = FlowBuilder().node("OpenAIModel", "OpenAIModel-m", api_key="k").node("ChatOutput", "ChatOutput-b")
    return flow.edge("OpenAIModel-m", "model_output", "ChatOutput-b", "input_value").data


def _unknown_type() -> dict[str, Any]:
    data = echo_flow()
    data["nodes"][0]["data"]["type"] = "Teleporter"
    del data["nodes"][0]["data"]["node"]["template"]["code"]
    return data


def _tampered() -> dict[str, Any]:
    data = echo_flow()
    data["nodes"][0]["data"]["node"]["template"]["code"]["value"] += "\nimport os"
    return data


def _required_empty() -> dict[str, Any]:
    return FlowBuilder().node("ChatOutput", "ChatOutput-b").data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_cycle(), "cycle"),
        (_edge_to_nowhere(), "ChatOutput-gone"),
        (_wrong_port_type(), "LanguageModel"),
        (_unknown_type(), "Teleporter"),
        (_tampered(), "custom code that is not approved"),
        (_required_empty(), "needs a value for 'input_value'"),
    ],
)
def test_an_invalid_flow_is_rejected_with_the_reason(client: httpx2.Client, data: dict[str, Any], message: str) -> None:
    flow_id = create_flow(client, data)
    response = client.post(f"/api/v1/run/{flow_id}", json={"input_value": "x"})
    assert response.status_code == 400
    assert message in response.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{not json", 400, "not JSON"),
        (b'{"input_value": "\xff"}', 400, "not JSON"),
        (b'{"input_value": "\\ud800"}', 400, "not JSON"),
        (b'{"input_value": "a\\u0000b"}', 400, "NUL"),
        (b'{"input_type": "smell"}', 422, "input_type"),
        (b" " * 2_000_001, 413, "HEADRACE_MAX_REQUEST_BYTES"),
    ],
)
def test_each_kind_of_invalid_body_has_its_own_error(
    client: httpx2.Client, body: bytes, status: int, message: str
) -> None:
    flow_id = create_flow(client, echo_flow())
    response = client.post(f"/api/v1/run/{flow_id}", content=body, headers={"content-type": "application/json"})
    assert response.status_code == status
    assert message in response.text


def test_a_chunked_body_over_the_size_limit_is_rejected(client: httpx2.Client) -> None:
    flow_id = create_flow(client, echo_flow())
    response = client.post(
        f"/api/v1/run/{flow_id}",
        content=(b" " * 100_000 for _ in range(30)),
        headers={"content-type": "application/json"},
    )
    assert response.status_code == 413


def test_an_anonymous_caller_does_not_learn_whether_a_flow_exists(anonymous: httpx2.Client) -> None:
    assert anonymous.post("/api/v1/run/nope", json={}).status_code == 403
