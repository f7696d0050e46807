"""Responses that are stored, retrieved, continued, cancelled and deleted."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest

from tests.support.flow_builder import FlowBuilder, echo_flow
from tests.support.flows import create_flow
from tests.support.model_server import KEY, NEVER
from tests.support.recording_model import RecordingModel
from tests.support.waiting import until


def test_a_response_is_stored_with_its_input(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    flow = create_flow(client, echo_flow())
    created = sdk.responses.create(
        model=flow,
        input=[
            {"role": "user", "content": [{"type": "input_text", "text": "hello"}]},
        ],
        metadata={"topic": "mills"},
    )
    assert created.id.startswith("resp_")
    stored = sdk.responses.retrieve(created.id)
    assert stored == created
    assert (stored.output_text, stored.metadata) == ("hello", {"topic": "mills"})
    item: Any = sdk.responses.input_items.list(created.id).data[0]
    assert (item.type, item.role, item.content[0].text) == ("message", "user", "hello")


def test_a_streamed_response_is_stored_when_its_last_event_arrives(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    events = list(sdk.responses.create(model=create_flow(client, echo_flow()), input="hello", stream=True))
    last = events[-1]
    assert last.type == "response.completed"
    assert sdk.responses.retrieve(last.response.id) == last.response


def test_store_false_stores_nothing(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    response = sdk.responses.create(model=create_flow(client, echo_flow()), input="hello", store=False)
    assert response.model_dump()["store"] is False
    with pytest.raises(openai.NotFoundError):
        sdk.responses.retrieve(response.id)
    with pytest.raises(openai.BadRequestError) as missing:
        sdk.responses.create(model=response.model, input="more", previous_response_id=response.id)
    assert (missing.value.code, missing.value.param) == ("previous_response_not_found", "previous_response_id")


def test_a_deleted_response_is_gone(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    response = sdk.responses.create(model=create_flow(client, echo_flow()), input="hello")
    sdk.responses.delete(response.id)
    for request in (sdk.responses.retrieve, sdk.responses.delete, sdk.responses.cancel):
        with pytest.raises(openai.NotFoundError):
            request(response.id)


def history_flow() -> dict[str, object]:
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("Memory", "Memory-m", template="{text}")
        .node("ChatOutput", "ChatOutput-b", should_store_message=False)
        .edge("Memory-m", "messages_text", "ChatOutput-b", "input_value")
        .data
    )


def test_a_response_continues_the_session_of_the_previous_one(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    flow = create_flow(client, history_flow())
    first = sdk.responses.create(model=flow, input="one")
    second = sdk.responses.create(model=flow, input="two", previous_response_id=first.id)
    third = sdk.responses.create(model=flow, input="three", previous_response_id=second.id)
    assert [r.output_text for r in (first, second, third)] == ["one", "one\ntwo", "one\ntwo\nthree"]
    assert len({first.id, second.id, third.id}) == 3
    assert sdk.responses.create(model=flow, input="alone").output_text == "alone"


def test_a_previous_response_that_is_a_session_of_langflow_continues(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    flow = create_flow(client, history_flow())
    langflow = client.post("/api/v1/responses", json={"model": flow, "input": "one"}).json()
    assert sdk.responses.create(model=flow, input="two", previous_response_id=langflow["id"]).output_text == "one\ntwo"


def test_the_model_of_a_flow_without_history_gets_the_earlier_turns(
    sdk: openai.OpenAI, chat_flow: str, model: RecordingModel
) -> None:
    first = sdk.responses.create(model=chat_flow, input="one")
    sdk.responses.create(model=chat_flow, input="two", previous_response_id=first.id)
    assert [(m["role"], m["content"]) for m in model.last["messages"]] == [
        ("system", "Be brief."),
        ("user", "one"),
        ("assistant", "one two three"),
        ("user", "two"),
    ]


def test_a_background_response_runs_as_a_job(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    flow = create_flow(client, echo_flow())
    queued = sdk.responses.create(model=flow, input="later", background=True)
    assert (queued.status, queued.background) == ("queued", True)
    until(lambda: sdk.responses.retrieve(queued.id).status == "completed")
    done = sdk.responses.retrieve(queued.id)
    assert (done.output_text, done.id, done.created_at) == ("later", queued.id, queued.created_at)
    assert sdk.responses.cancel(queued.id).status == "completed"


def test_a_background_response_that_fails_names_the_cause(
    client: httpx2.Client, sdk: openai.OpenAI, model_url: str
) -> None:
    queued = sdk.responses.create(model=slow_flow(client, model_url, key="wrong"), input="x", background=True)
    until(lambda: sdk.responses.retrieve(queued.id).status == "failed")
    error = sdk.responses.retrieve(queued.id).error
    assert error is not None
    assert "OpenAI" in error.message


def slow_flow(client: httpx2.Client, model_url: str, *, key: str = KEY) -> str:
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("OpenAIModel", "OpenAIModel-m", openai_api_base=model_url, api_key=key, max_retries=0)
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "OpenAIModel-m", "input_value")
        .edge("OpenAIModel-m", "text_output", "ChatOutput-b", "input_value")
    )
    return create_flow(client, flow.data)


@pytest.mark.parametrize("end", ["cancel", "delete"])
def test_ending_a_background_response_stops_its_run(
    client: httpx2.Client, sdk: openai.OpenAI, model_url: str, end: str
) -> None:
    running = sdk.responses.create(model=slow_flow(client, model_url), input=NEVER, background=True)
    until(lambda: httpx2.get(f"{model_url.removesuffix('/v1')}/waits").json() is True)
    assert sdk.responses.retrieve(running.id).status == "in_progress"
    if end == "cancel":
        assert sdk.responses.cancel(running.id).status == "cancelled"
        assert sdk.responses.cancel(running.id).status == "cancelled"
    else:
        sdk.responses.delete(running.id)
    until(lambda: httpx2.get(f"{model_url.removesuffix('/v1')}/gave-up").json() is True)


def test_a_background_response_of_a_deleted_flow_fails(
    client: httpx2.Client, sdk: openai.OpenAI, model_url: str
) -> None:
    flow = slow_flow(client, model_url)
    running = sdk.responses.create(model=flow, input=NEVER, background=True)
    until(lambda: sdk.responses.retrieve(running.id).status == "in_progress")
    assert client.delete(f"/api/v1/flows/{flow}").status_code == 200
    assert sdk.responses.retrieve(running.id).status == "failed"


def test_only_a_background_response_can_be_cancelled(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    response = sdk.responses.create(model=create_flow(client, echo_flow()), input="x")
    with pytest.raises(openai.BadRequestError, match="background"):
        sdk.responses.cancel(response.id)


def test_a_background_response_has_no_variables_in_headers(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    flow = create_flow(client, echo_flow())
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.responses.create(
            model=flow, input="x", background=True, extra_headers={"X-LANGFLOW-GLOBAL-VAR-TOKEN": "secret"}
        )
    assert refused.value.param == "background"
