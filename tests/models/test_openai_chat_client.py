"""The client of the chat completions protocol, against a server on a real port."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from email.utils import formatdate
from typing import Any

import httpx2
import pytest

from headrace.models.openai_chat.client import OpenAIChatClient
from headrace.models.openai_chat.completion import Completion, ToolCall
from headrace.models.openai_chat.endpoint import ChatOptions, Endpoint
from headrace.models.openai_chat.errors import (
    AuthenticationError,
    ChatApiError,
    ChatConnectionError,
    ChatTimeoutError,
    InvalidRequestError,
    InvalidResponseError,
    ModelNotFoundError,
    RateLimitError,
    ServerError,
)
from tests.models.openai_server import (
    DONE,
    KEY,
    OpenAIServer,
    Reply,
    call,
    chunk,
    completion,
    error,
    event,
    stream,
    text_chunks,
)

HELLO = [{"role": "user", "content": "Hello"}]
OPTIONS = ChatOptions("gpt-4o-mini")


def ask(endpoint: Endpoint, options: ChatOptions = OPTIONS, **overrides: Any) -> Completion:
    async def go() -> Completion:
        async with httpx2.AsyncClient() as http:
            return await OpenAIChatClient(http, endpoint, options).complete(HELLO, overrides)

    return asyncio.run(go())


def ask_for_stream(endpoint: Endpoint, options: ChatOptions = OPTIONS) -> tuple[list[str], Completion]:
    async def go() -> tuple[list[str], Completion]:
        async with httpx2.AsyncClient() as http:
            answer = OpenAIChatClient(http, endpoint, options).stream(HELLO)
            texts = [delta.text async for delta in answer if delta.text]
            return texts, answer.completion

    return asyncio.run(go())


def sent_body(server: OpenAIServer, endpoint: Endpoint, options: ChatOptions, **overrides: Any) -> dict[str, Any]:
    ask(endpoint, options, **overrides)
    return server.bodies[0]


def call_part(**members: Any) -> dict[str, Any]:
    function = {name: members.pop(name) for name in ("name", "arguments") if name in members}
    return {**members, "function": function}


def streamed_calls(server: OpenAIServer, endpoint: Endpoint, *events: list[dict[str, Any]]) -> tuple[ToolCall, ...]:
    server.script(stream([*(chunk({"tool_calls": parts}) for parts in events), chunk({}, "tool_calls")]))
    return ask_for_stream(endpoint)[1].tool_calls


# Answers


def test_an_answer_has_text_usage_model_and_finish_reason(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(completion("Good day"))
    answer = ask(endpoint)
    assert (answer.text, answer.finish_reason, answer.id) == ("Good day", "stop", "chatcmpl-1")
    assert answer.model == "gpt-4o-mini-2024-07-18"
    assert answer.usage is not None
    assert answer.usage["total_tokens"] == 14


def test_an_answer_has_tool_calls(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(
        completion(calls=[call("add", '{"a": 1}'), call("sub", "{}", "call_2")], finish_reason="tool_calls")
    )
    assert ask(endpoint).tool_calls == (ToolCall("call_1", "add", '{"a": 1}'), ToolCall("call_2", "sub", "{}"))


@pytest.mark.parametrize(
    ("members", "attribute", "value"),
    [
        ({"reasoning_content": "3 + 4"}, "reasoning", "3 + 4"),
        ({"reasoning": "3 + 4"}, "reasoning", "3 + 4"),
        ({"refusal": "I cannot."}, "refusal", "I cannot."),
    ],
)
def test_an_answer_has_further_members(
    openai_server: OpenAIServer, endpoint: Endpoint, members: dict[str, Any], attribute: str, value: str
) -> None:
    openai_server.script(completion("7", **members))
    assert getattr(ask(endpoint), attribute) == value


def test_content_in_parts_is_joined(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(completion([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]))  # type: ignore[arg-type]  # the format of some other servers
    assert ask(endpoint).text == "ab"


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_an_incomplete_answer_has_a_finish_reason(openai_server: OpenAIServer, endpoint: Endpoint, reason: str) -> None:
    openai_server.script(completion("Good", finish_reason=reason), stream(text_chunks("Good", finish_reason=reason)))
    assert ask(endpoint).finish_reason == reason
    assert ask_for_stream(endpoint)[1].finish_reason == reason


# Streams


def test_a_stream_yields_the_words_and_then_the_completion(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(stream(text_chunks("Good", " day")))
    texts, answer = ask_for_stream(endpoint)
    assert texts == ["Good", " day"]
    assert (answer.text, answer.finish_reason, answer.model) == ("Good day", "stop", "gpt-4o-mini-2024-07-18")
    assert openai_server.bodies[0]["stream"] is True
    assert "stream_options" not in openai_server.bodies[0]


def test_a_stream_ends_with_the_usage_on_request(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    openai_server.script(stream([*text_chunks("Good"), chunk(usage=usage)]))
    _, answer = ask_for_stream(endpoint, ChatOptions("gpt-4o-mini", stream_usage=True))
    assert openai_server.bodies[0]["stream_options"] == {"include_usage": True}
    assert answer.usage == usage


def test_a_cumulative_usage_is_counted_once(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    counts = [{"prompt_tokens": 3, "completion_tokens": n, "total_tokens": 3 + n} for n in (1, 2)]
    openai_server.script(stream([*(chunk({"content": "a"}, usage=c) for c in counts), chunk({}, "stop")]))
    assert ask_for_stream(endpoint)[1].usage == counts[-1]


def test_parts_of_tool_calls_are_joined_by_index(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    calls = streamed_calls(
        openai_server,
        endpoint,
        [call_part(index=0, id="call_1", name="add", arguments="")],
        [call_part(index=1, id="call_2", name="sub", arguments='{"b"'), call_part(index=0, arguments='{"a": ')],
        [call_part(index=0, arguments="1}"), call_part(index=1, arguments=": 2}")],
    )
    assert calls == (ToolCall("call_1", "add", '{"a": 1}'), ToolCall("call_2", "sub", '{"b": 2}'))


def test_a_server_may_repeat_id_and_name(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    parts = [[call_part(index=0, id="c", name="add", arguments=text)] for text in ('{"a"', ": 1}")]
    assert streamed_calls(openai_server, endpoint, *parts) == (ToolCall("c", "add", '{"a": 1}'),)


def test_a_server_may_send_every_call_under_one_index(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    parts = [[call_part(index=0, id=name, name=name, arguments="{}")] for name in ("add", "sub")]
    calls = streamed_calls(openai_server, endpoint, *parts)
    assert calls == (ToolCall("add", "add", "{}"), ToolCall("sub", "sub", "{}"))


def test_a_server_may_send_no_index_and_no_id(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    parts = [call_part(name=name, arguments={"a": 1}) for name in ("add", "sub")]
    first, second = streamed_calls(openai_server, endpoint, parts)
    assert [(c.name, c.arguments) for c in (first, second)] == [("add", '{"a":1}'), ("sub", '{"a":1}')]
    assert first.id
    assert second.id
    assert first.id != second.id


def test_a_complete_call_without_an_id_receives_one(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(completion(calls=[call("add", "{}", ""), call("add", "{}", "")]))
    first, second = ask(endpoint).tool_calls
    assert first.id != second.id


def test_a_streamed_refusal_and_reasoning_are_joined(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    deltas = [{"reasoning_content": "We"}, {"reasoning_content": "ll"}, {"refusal": "I "}, {"refusal": "cannot."}]
    openai_server.script(stream([*(chunk(d) for d in deltas), chunk({}, "stop")]))
    answer = ask_for_stream(endpoint)[1]
    assert (answer.reasoning, answer.refusal, answer.text) == ("Well", "I cannot.", "")


def test_comments_and_other_events_are_skipped(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(stream([b": OPENROUTER PROCESSING\n\n", *text_chunks("Good")]))
    assert ask_for_stream(endpoint)[0] == ["Good"]


@pytest.mark.parametrize("done", [True, False])
def test_a_finish_reason_or_an_end_mark_completes_a_stream(
    openai_server: OpenAIServer, endpoint: Endpoint, done: bool
) -> None:
    events = [chunk({"content": "Good"})] if done else text_chunks("Good")
    openai_server.script(stream(events, done=done))
    assert ask_for_stream(endpoint)[1].text == "Good"


def test_a_truncated_stream_is_an_error(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(stream([chunk({"content": "Good"})], done=False))
    with pytest.raises(InvalidResponseError, match="before the answer was complete"):
        ask_for_stream(endpoint)


def test_a_broken_connection_in_a_stream_is_an_error(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(stream([chunk({"content": "Good"}), None], done=False))
    with pytest.raises(ChatConnectionError):
        ask_for_stream(endpoint)
    assert len(openai_server.bodies) == 1


@pytest.mark.parametrize(("code", "kind"), [(429, RateLimitError), ("server_error", ChatApiError)])
def test_an_error_event_ends_a_stream(
    openai_server: OpenAIServer, endpoint: Endpoint, code: int | str, kind: type[ChatApiError]
) -> None:
    failure = event(json.dumps({"error": {"message": "Overloaded", "code": code}}))
    openai_server.script(stream([chunk({"content": "Good"}), failure]))
    with pytest.raises(kind, match="Overloaded") as caught:
        ask_for_stream(endpoint)
    assert caught.value.code == str(code)


def test_a_malformed_event_is_an_error(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(stream([event('{"choices": [')]))
    with pytest.raises(InvalidResponseError, match="not a chat completion"):
        ask_for_stream(endpoint)


def test_a_server_may_answer_a_stream_request_with_a_single_body(
    openai_server: OpenAIServer, endpoint: Endpoint
) -> None:
    openai_server.script(completion("Good day", calls=[call("add", "{}")]))
    texts, answer = ask_for_stream(endpoint)
    assert (texts, answer.text, answer.tool_calls) == (["Good day"], "Good day", (ToolCall("call_1", "add", "{}"),))


def test_closing_a_stream_early_releases_its_connection(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    async def go() -> str:
        limits = httpx2.Limits(max_connections=1)
        async with httpx2.AsyncClient(limits=limits) as http:
            client = OpenAIChatClient(http, endpoint, OPTIONS)
            answer = client.stream(HELLO)
            async for _ in answer:
                break
            await answer.aclose()
            return (await client.complete(HELLO)).text

    assert asyncio.run(go()) == "Hello there"


def test_a_completion_is_not_available_before_the_end(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    async def go() -> None:
        async with httpx2.AsyncClient() as http:
            answer = OpenAIChatClient(http, endpoint, OPTIONS).stream(HELLO)
            with pytest.raises(InvalidResponseError, match="not complete"):
                _ = answer.completion

    asyncio.run(go())


def test_connections_are_reused(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    async def go() -> None:
        async with httpx2.AsyncClient() as http:
            for _ in range(2):
                client = OpenAIChatClient(http, endpoint, OPTIONS)
                await client.complete(HELLO)
                async for _delta in client.stream(HELLO):
                    pass

    asyncio.run(go())
    assert len(openai_server.connections) == 1


# Requests


def test_options_become_members_of_the_body(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    options = ChatOptions(
        "gpt-4o-mini", temperature=0.0, max_tokens=7, seed=1, stop=["END"], extra={"top_p": 0.5, "user": "u"}
    )
    assert sent_body(openai_server, endpoint, options) == {
        "model": "gpt-4o-mini",
        "temperature": 0.0,
        "max_tokens": 7,
        "seed": 1,
        "stop": ["END"],
        "top_p": 0.5,
        "user": "u",
        "messages": HELLO,
    }


def test_a_request_overrides_options(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    options = ChatOptions("gpt-4o-mini", temperature=0.5, max_tokens=7)
    body = sent_body(openai_server, endpoint, options, temperature=0.1, max_tokens=None, model="gpt-4o")
    assert (body["temperature"], body["model"], "max_tokens" in body) == (0.1, "gpt-4o", False)


@pytest.mark.parametrize("model", ["o1", "o3-mini", "o4-mini", "gpt-5", "gpt-5-mini"])
def test_a_reasoning_model_receives_no_sampling_options(
    openai_server: OpenAIServer, endpoint: Endpoint, model: str
) -> None:
    options = ChatOptions(model, temperature=0.5, max_tokens=7, seed=1, extra={"top_p": 0.5, "reasoning_effort": "low"})
    assert sent_body(openai_server, endpoint, options) == {
        "model": model,
        "max_completion_tokens": 7,
        "reasoning_effort": "low",
        "messages": HELLO,
    }


def test_a_chat_model_of_a_reasoning_family_receives_sampling_options(
    openai_server: OpenAIServer, endpoint: Endpoint
) -> None:
    body = sent_body(openai_server, endpoint, ChatOptions("gpt-5-chat-latest", temperature=0.5, max_tokens=7))
    assert (body["temperature"], body["max_tokens"]) == (0.5, 7)


def test_the_completions_url_has_the_query_of_the_base_url() -> None:
    azure = Endpoint("https://host/openai/deployments/gpt/?api-version=1")
    assert azure.completions_url == "https://host/openai/deployments/gpt/chat/completions?api-version=1"


def test_requests_send_the_api_key_and_the_endpoints_headers(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    ask(dataclasses.replace(endpoint, headers={"X-Title": "headrace"}))
    sent = openai_server.headers[0]
    assert (sent["authorization"], sent["x-title"]) == (f"Bearer {KEY}", "headrace")


def test_a_request_without_an_api_key_has_no_authorization_header(
    openai_server: OpenAIServer, endpoint: Endpoint
) -> None:
    with pytest.raises(AuthenticationError):
        ask(dataclasses.replace(endpoint, api_key=""))
    assert "authorization" not in openai_server.headers[0]


def test_text_that_is_not_unicode_is_sent(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    sent_body(openai_server, endpoint, OPTIONS, user="a\ud800b")
    assert len(openai_server.bodies) == 1


# Errors


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, InvalidRequestError), (401, AuthenticationError), (404, ModelNotFoundError), (422, InvalidRequestError)],
)
def test_a_client_error_is_not_retried(
    openai_server: OpenAIServer, endpoint: Endpoint, status: int, kind: type[ChatApiError]
) -> None:
    openai_server.script(error(status, "No such thing.", "no_such_thing", x_request_id="req_1"))
    with pytest.raises(kind, match="No such thing") as caught:
        ask(endpoint)
    assert (caught.value.provider_status, caught.value.code) == (status, "no_such_thing")
    assert caught.value.request_id == "req_1"
    assert len(openai_server.bodies) == 1


def test_a_stream_that_is_refused_raises_the_servers_error(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(error(400, "Bad tools."))
    with pytest.raises(InvalidRequestError, match="Bad tools"):
        ask_for_stream(endpoint)


def test_an_error_does_not_contain_the_api_key(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(error(400, f"The key {KEY} may not do this."))
    with pytest.raises(InvalidRequestError) as caught:
        ask(endpoint)
    assert KEY not in str(caught.value)
    assert KEY not in repr(endpoint)


@pytest.mark.parametrize(
    "body", [b"<html>Bad gateway</html>", b"", b'{"detail": "Nope"}', b'{"error": "Nope"}', b"[]", b'{"error": [1]}']
)
def test_an_error_with_any_body_is_reported(openai_server: OpenAIServer, endpoint: Endpoint, body: bytes) -> None:
    openai_server.script(Reply(400, (body,)))
    with pytest.raises(InvalidRequestError, match="answered 400"):
        ask(endpoint)


@pytest.mark.parametrize("body", [b"{", b"<html>", b"[]", b'{"choices": []}', b'{"choices": [{}]}', b"null"])
def test_an_invalid_answer_is_an_error(openai_server: OpenAIServer, endpoint: Endpoint, body: bytes) -> None:
    openai_server.script(Reply(200, (body,)))
    with pytest.raises(InvalidResponseError, match="not a chat completion"):
        ask(endpoint)


def test_an_error_in_a_successful_answer_is_raised(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(Reply(200, (b'{"error": {"message": "No credits", "code": 402}}',)))
    with pytest.raises(InvalidRequestError, match="No credits"):
        ask(endpoint)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
def test_a_transient_failure_is_retried(openai_server: OpenAIServer, endpoint: Endpoint, status: int) -> None:
    openai_server.script(error(status, "Try again.", retry_after_ms="1"), completion("Good day"))
    assert ask(endpoint).text == "Good day"
    assert openai_server.bodies[0] == openai_server.bodies[1]


def test_a_stream_is_retried_before_it_starts(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(error(503, "Try again.", retry_after="0"), stream(text_chunks("Good")))
    assert ask_for_stream(endpoint)[0] == ["Good"]


def test_retries_are_bounded(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(*[error(500, "Broken.", retry_after_ms="1")] * 5)
    with pytest.raises(ServerError, match="Broken"):
        ask(dataclasses.replace(endpoint, max_retries=1))
    assert len(openai_server.bodies) == 2


@pytest.mark.parametrize("headers", [{"retry_after": "3600"}, {"retry_after": formatdate(4e9, usegmt=True)}])
def test_a_long_retry_delay_fails_without_a_retry(
    openai_server: OpenAIServer, endpoint: Endpoint, headers: dict[str, str]
) -> None:
    openai_server.script(error(429, "Slow down.", "rate_limit_exceeded", **headers))
    with pytest.raises(RateLimitError, match="Slow down") as caught:
        ask(endpoint)
    assert caught.value.retry_after_seconds is not None
    assert caught.value.retry_after_seconds >= 3600
    assert len(openai_server.bodies) == 1


def test_an_exhausted_quota_is_not_retried(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(error(429, "You exceeded your quota.", "insufficient_quota", retry_after_ms="1"))
    with pytest.raises(RateLimitError, match="quota"):
        ask(endpoint)
    assert len(openai_server.bodies) == 1


def test_a_retry_date_in_the_past_means_no_delay(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(error(503, "Try again.", retry_after=formatdate(0, usegmt=True)), completion("Good day"))
    assert ask(endpoint).text == "Good day"


def test_an_unreachable_server_is_an_error() -> None:
    with pytest.raises(ChatConnectionError, match="Connection error"):
        ask(Endpoint("http://127.0.0.1:1/v1", KEY, max_retries=0))


def test_a_silent_server_is_an_error() -> None:
    async def go() -> None:
        async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(stay_silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, httpx2.AsyncClient() as http:
            endpoint = Endpoint(f"http://127.0.0.1:{port}/v1", KEY, timeout_seconds=0.05)
            with pytest.raises(ChatTimeoutError, match=r"sent nothing for 0\.05 seconds"):
                await OpenAIChatClient(http, endpoint, OPTIONS).complete(HELLO)

    asyncio.run(go())


def test_a_cancelled_request_ends_at_once(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(error(503, "Try again.", retry_after="30"))

    async def go() -> None:
        answered = asyncio.Event()

        async def note(_response: httpx2.Response) -> None:
            answered.set()

        async with httpx2.AsyncClient(event_hooks={"response": [note]}) as http:
            task = asyncio.create_task(OpenAIChatClient(http, endpoint, OPTIONS).complete(HELLO))
            await answered.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(go())


def test_the_end_mark_alone_is_an_empty_answer(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(stream([DONE], done=False))
    assert ask_for_stream(endpoint)[1].text == ""
