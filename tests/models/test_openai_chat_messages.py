"""Conversion of messages, and comparison of the requests with those of `langchain-openai`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    HumanMessageChunk,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from pydantic import BaseModel

from headrace.models.openai_chat.client import OpenAIChatClient
from headrace.models.openai_chat.endpoint import ChatOptions, Endpoint
from headrace.models.openai_chat.errors import ChatError
from headrace.models.openai_chat.model import OpenAIChatModel
from headrace.models.openai_chat.request import message_to_wire
from tests.models.openai_server import DONE, KEY, OpenAIServer, chunk, completion

CALL = {"name": "add", "args": {"a": 1, "text": "é"}, "id": "call_1", "type": "tool_call"}
IMAGE = "iVBORw0KGgo="


class Weather(BaseModel):
    """The weather of a city."""

    city: str


class Add(BaseModel):
    """Add two numbers."""

    a: int
    b: int = 2


CONVERSATIONS: dict[str, list[BaseMessage]] = {
    "text": [SystemMessage("Be kind."), HumanMessage("Hello"), AIMessage("Hi"), HumanMessage("Bye")],
    "names": [SystemMessage("s", name="rules"), HumanMessage("h", name="ann"), AIMessage("a", name="bot")],
    "tools": [HumanMessage("h"), AIMessage("", tool_calls=[CALL]), ToolMessage("3", tool_call_id="call_1", name="add")],
    "talking call": [AIMessage("I will add.", tool_calls=[CALL]), ToolMessage("3", tool_call_id="call_1")],
    "invalid call": [
        AIMessage(
            "", invalid_tool_calls=[{"name": "add", "args": "{", "id": "1", "error": None, "type": "invalid_tool_call"}]
        )
    ],
    "content blocks": [
        AIMessage([{"type": "reasoning", "reasoning": "r"}, {"type": "text", "text": "t"}, {**CALL}], tool_calls=[CALL])
    ],
    "image address": [HumanMessage([{"type": "text", "text": "See"}, {"type": "image", "url": "https://host/a.png"}])],
    "image bytes": [HumanMessage([{"type": "image", "base64": IMAGE, "mime_type": "image/png"}])],
    "older image bytes": [
        HumanMessage([{"type": "image", "source_type": "base64", "data": IMAGE, "mime_type": "image/png"}])
    ],
    "older image address": [HumanMessage([{"type": "image", "source_type": "url", "url": "https://host/a.png"}])],
    "image part": [HumanMessage([{"type": "image_url", "image_url": {"url": "https://host/a.png", "detail": "low"}}])],
    "other provider's image": [
        HumanMessage([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}}])
    ],
    "audio": [HumanMessage([{"type": "audio", "base64": "UklGRg==", "mime_type": "audio/wav"}])],
    "audio part": [HumanMessage([{"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}])],
    "file": [
        HumanMessage([{"type": "file", "base64": "JVBERg==", "mime_type": "application/pdf", "filename": "a.pdf"}])
    ],
    "file id": [HumanMessage([{"type": "file", "file_id": "file-1"}])],
    "file part": [HumanMessage([{"type": "file", "file": {"file_id": "file-1"}}])],
    "tool result in parts": [ToolMessage([{"type": "text", "text": "t"}], tool_call_id="1")],
    "roles": [ChatMessage(content="c", role="critic"), FunctionMessage(content="3", name="add")],
    "developer": [SystemMessage("s", additional_kwargs={"__openai_role__": "developer"})],
    "older calls": [
        AIMessage(
            "",
            additional_kwargs={
                "tool_calls": [{"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"}}]
            },
        ),
    ],
    "chunks": [HumanMessageChunk(content="Hello"), AIMessageChunk(content="Hi"), HumanMessage("Bye")],
}


def sent_by_both(
    server: OpenAIServer, endpoint: Endpoint, messages: list[BaseMessage], bind: Any = None, **options: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the bodies that our model and `langchain-openai` send for the same call, ours first."""
    from langchain_openai import ChatOpenAI

    async def go() -> None:
        async with httpx2.AsyncClient() as http:
            ours = OpenAIChatModel.create(http, endpoint, ChatOptions(**options))
            theirs = ChatOpenAI(api_key=KEY, base_url=endpoint.base_url, http_async_client=http, **options)
            for model in (ours, theirs):
                await _invoke(model, messages, bind)

    asyncio.run(go())
    ours, theirs = server.bodies
    return ours, _comparable(theirs)


async def _invoke(model: BaseChatModel, messages: list[BaseMessage], bind: Any) -> None:
    await (bind(model) if bind else model).ainvoke(messages)


def _comparable(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body without intended differences."""
    body = dict(body)
    # Other servers of the protocol know only `max_tokens`.
    if "max_completion_tokens" in body and not body["model"].startswith(("o", "gpt-5")):
        body["max_tokens"] = body.pop("max_completion_tokens")
    if body.get("stream") is False:
        del body["stream"]
    return body


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_conversations_are_sent_as_langchain_openai_sends_them(
    openai_server: OpenAIServer, endpoint: Endpoint, name: str
) -> None:
    ours, theirs = sent_by_both(openai_server, endpoint, CONVERSATIONS[name], model="gpt-4o-mini")
    assert ours == theirs


@pytest.mark.parametrize(
    "bind",
    [
        lambda model: model.bind_tools([Add, Weather]),
        lambda model: model.bind_tools([Add], tool_choice="any"),
        lambda model: model.bind_tools([Add], tool_choice="Add", strict=True, parallel_tool_calls=False),
        lambda model: model.with_structured_output(Weather, method="function_calling", include_raw=True),
        lambda model: model.with_structured_output(Weather, method="json_mode", include_raw=True),
        lambda model: model.with_structured_output(Weather, method="json_schema", include_raw=True),
        lambda model: model.with_structured_output(
            {"title": "W", "description": "w", **Weather.model_json_schema()}, method="json_schema", include_raw=True
        ),
        lambda model: model.bind(stop=["END"]),
    ],
)
def test_tools_and_schemas_are_sent_as_langchain_openai_sends_them(
    openai_server: OpenAIServer, endpoint: Endpoint, bind: Any
) -> None:
    openai_server.script(*[completion('{"city": "Rome"}')] * 2)
    ours, theirs = sent_by_both(openai_server, endpoint, [HumanMessage("Hello")], bind, model="gpt-4o-mini")
    assert _without_titles(ours) == _without_titles(theirs)


def _without_titles(value: Any) -> Any:
    """Return a body without the titles and the description that Pydantic and OpenAI's package write into schemas."""
    if isinstance(value, dict):
        return {k: _without_titles(v) for k, v in value.items() if k not in {"title", "description"}}
    return [_without_titles(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "options",
    [
        {"model": "gpt-4o", "temperature": 0.3, "max_tokens": 9, "seed": 4},
        {"model": "o3-mini", "max_tokens": 9},
        {"model": "gpt-5", "max_tokens": 9, "temperature": 0.3},
        {"model": "gpt-5-chat-latest", "temperature": 0.3},
    ],
)
def test_options_are_sent_as_langchain_openai_sends_them(
    openai_server: OpenAIServer, endpoint: Endpoint, options: dict[str, Any]
) -> None:
    ours, theirs = sent_by_both(openai_server, endpoint, CONVERSATIONS["text"], **options)
    assert ours == theirs


def test_strings_among_blocks_become_text() -> None:
    wire = message_to_wire(HumanMessage(["a", {"type": "image_url", "image_url": "https://host/a.png"}]))
    assert wire["content"] == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "https://host/a.png"}},
    ]


def test_a_refusal_of_an_earlier_turn_is_repeated() -> None:
    wire = message_to_wire(AIMessage("", additional_kwargs={"refusal": "No."}))
    assert wire == {"role": "assistant", "content": None, "refusal": "No."}


@pytest.mark.parametrize(
    "message",
    [
        RemoveMessage(id="1"),
        HumanMessage([{"type": "image"}]),
        HumanMessage([{"type": "file", "url": "https://host/a.pdf"}]),
    ],
)
def test_an_unsupported_message_is_rejected(message: BaseMessage) -> None:
    with pytest.raises(ChatError, match="cannot be sent"):
        message_to_wire(message)


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.none() | st.booleans() | st.integers() | TEXT | st.lists(TEXT, max_size=3)


@given(st.lists(st.tuples(st.sampled_from([SystemMessage, HumanMessage, AIMessage]), TEXT)))
def test_text_is_sent_unchanged(pairs: list[tuple[type[Any], str]]) -> None:
    wire = json.loads(json.dumps([message_to_wire(kind(text)) for kind, text in pairs]))
    roles: dict[Any, str] = {SystemMessage: "system", HumanMessage: "user", AIMessage: "assistant"}
    assert wire == [{"role": roles[kind], "content": text} for kind, text in pairs]


@given(TEXT, st.dictionaries(TEXT, JSON, max_size=4))
def test_arguments_of_tool_calls_are_sent_unchanged(name: str, args: dict[str, Any]) -> None:
    wire = message_to_wire(AIMessage("", tool_calls=[{"name": name, "args": args, "id": "1"}]))
    function = wire["tool_calls"][0]["function"]
    assert (function["name"], json.loads(function["arguments"])) == (name, args)


class Pieces(httpx2.AsyncByteStream):
    """A response body in pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


@given(st.lists(TEXT, max_size=6), st.sampled_from([b"\n", b"\r\n", b"\r"]), st.data())
def test_a_stream_can_be_split_at_any_byte(words: list[str], line_end: bytes, data: st.DataObject) -> None:
    events = [*(chunk({"content": word}) for word in words), chunk({}, "stop"), DONE]
    body = b"".join(events).replace(b"\n", line_end)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(body)), max_size=20)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]

    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Pieces(pieces))

    async def go() -> tuple[list[str], str]:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
            stream = OpenAIChatClient(http, Endpoint("http://model/v1"), ChatOptions("m")).stream([])
            texts = [delta.text async for delta in stream]
            return texts, stream.completion.text

    assert asyncio.run(go()) == ([word for word in words if word], "".join(words))
