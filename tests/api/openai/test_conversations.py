"""Conversations of the OpenAI API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpx2
import openai
import pytest

from tests.support.flow_builder import echo_flow
from tests.support.flows import create_flow
from tests.support.recording_model import BROKEN, RecordingModel
from tests.support.waiting import until


def texts(items: Iterable[Any]) -> list[str]:
    return [item.content[0].text for item in items]


def roles(items: Iterable[Any]) -> list[str]:
    return [item.role for item in items]


def test_a_conversation_is_created_changed_and_deleted(sdk: openai.OpenAI) -> None:
    created = sdk.conversations.create(metadata={"topic": "mills"})
    assert sdk.conversations.retrieve(created.id) == created
    changed = sdk.conversations.update(created.id, metadata={"topic": "races"})
    assert (changed.metadata, changed.id) == ({"topic": "races"}, created.id)
    assert sdk.conversations.delete(created.id).deleted
    with pytest.raises(openai.NotFoundError):
        sdk.conversations.retrieve(created.id)
    with pytest.raises(openai.NotFoundError):
        sdk.responses.create(model="any", input="x", conversation=created.id)


def test_items_are_added_listed_and_deleted(sdk: openai.OpenAI) -> None:
    conversation = sdk.conversations.create(items=[{"role": "user", "content": "one"}])
    added = sdk.conversations.items.create(
        conversation.id, items=[{"role": "user", "content": text} for text in ("two", "three")]
    )
    assert texts(added.data) == ["two", "three"]
    newest = sdk.conversations.items.list(conversation.id, limit=2)
    assert texts(newest.data) == ["three", "two"]
    assert newest.has_more
    assert texts(sdk.conversations.items.list(conversation.id, limit=1, order="asc")) == [
        "one",
        "two",
        "three",
    ]
    item_id = added.data[0].id
    assert item_id is not None
    assert sdk.conversations.items.retrieve(item_id, conversation_id=conversation.id) == added.data[0]
    assert sdk.conversations.items.delete(item_id, conversation_id=conversation.id).id == conversation.id
    with pytest.raises(openai.NotFoundError):
        sdk.conversations.items.retrieve(item_id, conversation_id=conversation.id)
    with pytest.raises(openai.BadRequestError) as unknown:
        sdk.conversations.items.list(conversation.id, after="msg_unknown")
    assert unknown.value.param == "after"


def test_responses_continue_a_conversation_and_add_their_items(
    sdk: openai.OpenAI, chat_flow: str, model: RecordingModel
) -> None:
    conversation = sdk.conversations.create(items=[{"role": "system", "content": "Rhyme."}])
    first = sdk.responses.create(model=chat_flow, input="one", conversation=conversation.id)
    assert first.conversation is not None
    assert first.conversation.id == conversation.id
    events = list(sdk.responses.create(model=chat_flow, input="two", conversation={"id": conversation.id}, stream=True))
    assert events[-1].type == "response.completed"
    assert [(m["role"], m["content"]) for m in model.last["messages"]] == [
        ("system", "Be brief.\n\nRhyme."),
        ("user", "one"),
        ("assistant", "one two three"),
        ("user", "two"),
    ]
    items = list(sdk.conversations.items.list(conversation.id, order="asc"))
    assert roles(items) == ["system", "user", "assistant", "user", "assistant"]


def test_a_background_response_adds_its_items_once(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    flow = create_flow(client, echo_flow())
    conversation = sdk.conversations.create()
    queued = sdk.responses.create(model=flow, input="x", conversation=conversation.id, background=True)
    until(lambda: sdk.responses.retrieve(queued.id).status == "completed")
    items = list(sdk.conversations.items.list(conversation.id, order="asc"))
    assert roles(items) == ["user", "assistant"]


def test_a_response_has_a_conversation_or_a_previous_response(client: httpx2.Client, sdk: openai.OpenAI) -> None:
    flow = create_flow(client, echo_flow())
    conversation = sdk.conversations.create()
    with pytest.raises(openai.BadRequestError) as both:
        sdk.responses.create(model=flow, input="x", conversation=conversation.id, previous_response_id="resp_x")
    assert both.value.param == "conversation"


def test_a_failed_stream_adds_nothing_to_its_conversation(
    sdk: openai.OpenAI, chat_flow: str, model: RecordingModel
) -> None:
    conversation = sdk.conversations.create(items=[{"role": "user", "content": "first"}])
    last = list(sdk.responses.create(model=chat_flow, input=BROKEN, conversation=conversation.id, stream=True))[-1]
    assert last.type == "response.failed"
    assert texts(sdk.conversations.items.list(conversation.id)) == ["first"]
    [message] = last.response.output
    assert message.type == "message"
    assert (message.status, texts([message])) == ("incomplete", ["one "])
    assert sdk.responses.retrieve(last.response.id) == last.response
    sdk.responses.create(model=chat_flow, input="again", previous_response_id=last.response.id)
    assert [m["content"] for m in model.last["messages"][1:]] == [BROKEN, "one ", "again"]


def test_an_assistant_message_without_content_is_omitted(
    sdk: openai.OpenAI, chat_flow: str, model: RecordingModel
) -> None:
    empty: Any = {"type": "message", "role": "assistant", "content": []}
    sdk.responses.create(model=chat_flow, input=[empty, {"role": "user", "content": "x"}])
    assert [m["role"] for m in model.last["messages"]] == ["system", "user"]


@pytest.mark.parametrize("ids", [("a", "a"), ("x" * 129, "b")], ids=["repeated", "long"])
def test_the_ids_of_items_are_unique_and_short(
    sdk: openai.OpenAI, chat_flow: str, model: RecordingModel, ids: tuple[str, str]
) -> None:
    conversation = sdk.conversations.create()
    items: Any = [{"type": "message", "id": i, "role": "user", "content": "x"} for i in ids]
    for send in (
        lambda: sdk.responses.create(model=chat_flow, input=items, conversation=conversation.id),
        lambda: sdk.conversations.create(items=items),
        lambda: sdk.conversations.items.create(conversation.id, items=items),
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            send()
        assert str(refused.value.param).endswith(".id")
    assert model.bodies == []
