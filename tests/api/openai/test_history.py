"""The earlier items that a response gets are limited in number and size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.clients import log_in
from tests.support.flow_builder import echo_flow, model_flow
from tests.support.flows import create_flow
from tests.support.model_server import KEY
from tests.support.recording_model import RecordingModel
from tests.support.server import serving

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def wide_server(database_url: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve large requests."""
    settings = settings_for(tmp_path_factory.mktemp("wide"), database_url, max_request_bytes=20 * MEGABYTE)
    with serving(create_app(settings)) as base:
        yield base


@pytest.fixture
def client(wide_server: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=wide_server, headers=log_in(wide_server), timeout=30) as client:
        yield client


def user(text: str) -> Any:
    return {"role": "user", "content": text}


def messages(model: RecordingModel) -> list[tuple[str, str]]:
    """Return the role and the start of each message that the model got."""
    return [(message["role"], str(message["content"])[:10]) for message in model.last["messages"]]


def test_the_oldest_items_of_a_large_conversation_are_omitted(
    sdk: openai.OpenAI, chat_flow: str, model: RecordingModel
) -> None:
    conversation = sdk.conversations.create(items=[user("old" + "x" * 5 * MEGABYTE)])
    sdk.conversations.items.create(conversation.id, items=[user("new" + "x" * 5 * MEGABYTE)])
    sdk.responses.create(model=chat_flow, input="now", conversation=conversation.id)
    assert messages(model) == [("system", "Be brief."), ("user", "newxxxxxxx"), ("user", "now")]


def test_the_oldest_responses_of_a_large_chain_are_omitted(
    sdk: openai.OpenAI, chat_flow: str, model: RecordingModel
) -> None:
    previous = None
    for name in ("old", "new", "now"):
        text = name if name == "now" else name + "x" * 5 * MEGABYTE
        previous = sdk.responses.create(model=chat_flow, input=text, previous_response_id=previous).id
    assert messages(model)[1:] == [("user", "newxxxxxxx"), ("assistant", "one two th"), ("user", "now")]


def test_a_conversation_of_many_items_gives_the_newest(
    sdk: openai.OpenAI, chat_flow: str, model: RecordingModel
) -> None:
    conversation = sdk.conversations.create()
    for start in range(0, 2100, 20):
        sdk.conversations.items.create(conversation.id, items=[user(str(n)) for n in range(start, start + 20)])
    sdk.responses.create(model=chat_flow, input="now", conversation=conversation.id)
    assert [content for _, content in messages(model)[1:]] == [*(str(n) for n in range(100, 2100)), "now"]


def test_an_earlier_response_that_is_too_large_is_refused(sdk: openai.OpenAI, chat_flow: str) -> None:
    large = "x" * 9 * MEGABYTE
    first = sdk.responses.create(model=chat_flow, input=large)
    conversation = sdk.conversations.create(items=[user(large)])
    for parameter, value in (("previous_response_id", first.id), ("conversation", conversation.id)):
        continuation: Any = {parameter: value}
        with pytest.raises(openai.BadRequestError, match=r"8\.0 MB") as refused:
            sdk.responses.create(model=chat_flow, input="now", **continuation)
        assert refused.value.param == parameter


def test_a_flow_that_needs_no_items_continues_a_conversation_of_any_size(
    client: httpx2.Client, sdk: openai.OpenAI
) -> None:
    conversation = sdk.conversations.create(items=[user("x" * 9 * MEGABYTE)])
    flow = create_flow(client, echo_flow())
    assert sdk.responses.create(model=flow, input="now", conversation=conversation.id).output_text == "now"


def test_the_result_of_a_call_that_was_omitted_is_omitted(
    sdk: openai.OpenAI, chat_flow: str, model: RecordingModel
) -> None:
    items: list[Any] = [
        user("old"),
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"x": "' + "x" * 3 * MEGABYTE + '"}'},
        {"type": "function_call_output", "call_id": "c", "output": "y" * 6 * MEGABYTE},
        {"role": "assistant", "content": "answer"},
        user("new"),
    ]
    conversation = sdk.conversations.create(items=items)
    sdk.responses.create(model=chat_flow, input="now", conversation=conversation.id)
    assert messages(model)[1:] == [("user", "new"), ("user", "now")]


@pytest.fixture
def narrow(database_url: str | None, tmp_path: Path) -> Iterator[httpx2.Client]:
    """Return a client of a server whose runs hold few bytes."""
    app = create_app(settings_for(tmp_path, database_url, max_run_bytes=2 * MEGABYTE, max_value_bytes=MEGABYTE))
    with serving(app) as base, httpx2.Client(base_url=base, headers=log_in(base), timeout=30) as client:
        yield client


def test_earlier_items_count_as_bytes_of_the_run(narrow: httpx2.Client, model_url: str) -> None:
    flow = create_flow(narrow, model_flow(model_url, KEY))
    conversation = narrow.post("/v1/conversations", json={}).json()["id"]
    for _ in range(3):
        items = {"items": [user("x" * MEGABYTE)]}
        assert narrow.post(f"/v1/conversations/{conversation}/items", json=items).status_code == 200
    refused = narrow.post("/v1/responses", json={"model": flow, "input": "now", "conversation": conversation})
    assert refused.status_code == 413, refused.text
    assert "HEADRACE_MAX_RUN_BYTES" in refused.json()["error"]["message"]
