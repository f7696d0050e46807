"""The LangChain chat model of the chat completions protocol, against a server on a real port."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypedDict, TypeVar

import httpx2
import pytest
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.tools import tool
from pydantic import BaseModel, Field

from headrace.models.openai_chat.endpoint import ChatOptions, Endpoint
from headrace.models.openai_chat.errors import ChatError, InvalidResponseError, RefusalError
from headrace.models.openai_chat.model import OpenAIChatModel
from tests.models.openai_server import KEY, OpenAIServer, call, chunk, completion, error, stream, text_chunks

T = TypeVar("T")
OPTIONS = ChatOptions("gpt-4o-mini", temperature=0.1, max_tokens=100)


class Weather(BaseModel):
    """The weather of a city."""

    city: str = Field(description="Its name.")
    degrees: int = 20


class WeatherDict(TypedDict):
    """The weather of a city."""

    city: str


WEATHER_SCHEMA = {"title": "Weather", "description": "The weather.", **Weather.model_json_schema()}


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def run_with_model(
    endpoint: Endpoint, action: Callable[[OpenAIChatModel], Awaitable[T]], options: ChatOptions = OPTIONS, **more: Any
) -> T:
    """Return the result of an action with a model on its event loop."""

    async def go() -> T:
        async with httpx2.AsyncClient() as http:
            return await action(OpenAIChatModel.create(http, endpoint, options, **more))

    return asyncio.run(go())


def ask(endpoint: Endpoint, options: ChatOptions = OPTIONS, **bound: Any) -> AIMessage:
    return run_with_model(endpoint, lambda model: model.ainvoke("Hello", **bound), options)


async def collect(model: Any) -> list[AIMessageChunk]:
    return [part async for part in model.astream("Hello")]


def merge(parts: list[AIMessageChunk]) -> AIMessageChunk:
    message = parts[0]
    for part in parts[1:]:
        message += part
    return message


# Answers


def test_a_message_has_text_usage_and_metadata(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    message = ask(endpoint)
    assert message.text == "Hello there"
    assert message.usage_metadata == {
        "input_tokens": 9,
        "output_tokens": 5,
        "total_tokens": 14,
        "input_token_details": {"audio": 0, "cache_read": 4},
        "output_token_details": {"audio": 0, "reasoning": 2},
    }
    assert message.response_metadata["model_name"] == "gpt-4o-mini-2024-07-18"
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.response_metadata["system_fingerprint"] == "fp_1"


def test_a_message_has_valid_and_invalid_tool_calls(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    calls = [
        call("add", '{"a": 1, "b": 2}'),
        call("now", "", "call_2"),
        call("add", '{"a": ', "call_3"),
        call("add", "[1]", "call_4"),
    ]
    openai_server.script(completion(calls=calls, finish_reason="tool_calls"))
    message = ask(endpoint)
    assert [(c["name"], c["args"], c["id"]) for c in message.tool_calls] == [
        ("add", {"a": 1, "b": 2}, "call_1"),
        ("now", {}, "call_2"),
    ]
    assert [(c["args"], c["id"]) for c in message.invalid_tool_calls] == [('{"a": ', "call_3"), ("[1]", "call_4")]
    assert "not valid JSON" in str(message.invalid_tool_calls[0]["error"])


def test_a_message_has_reasoning_and_refusal(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(completion("7", reasoning_content="3 + 4", refusal="No."))
    assert ask(endpoint).additional_kwargs == {"reasoning_content": "3 + 4", "refusal": "No."}


def test_chunks_merge_to_the_message(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    part = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a"'}}
    rest = {"index": 0, "function": {"arguments": ": 1}"}}
    events = [*text_chunks("Good", " day")[:-1], chunk({"tool_calls": [part]}), chunk({"tool_calls": [rest]})]
    openai_server.script(stream([*events, chunk({}, "tool_calls"), chunk(usage=usage)]))
    parts = run_with_model(endpoint, collect)
    message = merge(parts)
    assert [p.text for p in parts if p.text] == ["Good", " day"]
    assert [(c["name"], c["args"], c["id"]) for c in message.tool_calls] == [("add", {"a": 1}, "call_1")]
    assert message.usage_metadata == {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    assert message.response_metadata["finish_reason"] == "tool_calls"
    assert message.response_metadata["model_name"] == "gpt-4o-mini-2024-07-18"
    assert [p.chunk_position for p in parts if p.chunk_position] == ["last"]


def test_callbacks_see_the_usage(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    handler = UsageMetadataCallbackHandler()
    run_with_model(endpoint, lambda model: model.ainvoke("Hello", config={"callbacks": [handler]}))
    assert handler.usage_metadata["gpt-4o-mini-2024-07-18"]["total_tokens"] == 14


def test_the_direct_methods_answer_like_langchains(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    async def both(model: OpenAIChatModel) -> tuple[AIMessage, AIMessage, str]:
        question = [HumanMessage("Hello")]
        words = [part.text async for part in model.stream_chunks(question)]
        return await model.complete(question, seed=3), await model.ainvoke(question, seed=3), "".join(words)

    direct, usual, streamed = run_with_model(endpoint, both)
    assert direct == usual.model_copy(update={"id": None})
    assert streamed == "Hello there"
    assert openai_server.bodies[1] == openai_server.bodies[2]


def test_call_options_go_into_the_body(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    ask(endpoint, stop=["END"], temperature=0.7, reasoning_effort="low")
    body = openai_server.bodies[0]
    assert (body["stop"], body["temperature"], body["reasoning_effort"]) == (["END"], 0.7, "low")


def test_messages_with_the_same_server_id_have_different_ids(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    first, second = ask(endpoint), ask(endpoint)
    assert first.response_metadata["id"] == second.response_metadata["id"] == "chatcmpl-1"
    assert first.id != second.id


def test_tokens_are_counted_without_a_request(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    async def count(model: OpenAIChatModel) -> tuple[int, int]:
        return model.get_num_tokens("word " * 4), model.get_num_tokens("word " * 400)

    few, many = run_with_model(endpoint, count)
    assert 1 <= few < 20 < 200 < many < 1000
    assert not openai_server.bodies


def test_errors_reach_the_caller(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(error(404, "The model does not exist."))
    with pytest.raises(ChatError, match="does not exist"):
        ask(endpoint)


def test_a_models_representation_does_not_contain_the_api_key(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    async def describe(model: OpenAIChatModel) -> str:
        return f"{model!r} {model.model_dump()} {model.asdict()} {model.to_json()}"

    assert KEY not in run_with_model(endpoint, describe)


# Blocking calls


def test_a_thread_can_make_blocking_calls_to_a_model_of_a_running_loop(
    openai_server: OpenAIServer, endpoint: Endpoint
) -> None:
    async def from_thread(model: OpenAIChatModel) -> tuple[str, str]:
        await model.ainvoke("Hello")
        answer = await asyncio.to_thread(model.invoke, "Hello")
        parts = await asyncio.to_thread(lambda: list(model.stream("Hello")))
        return answer.text, merge(parts).text

    assert run_with_model(endpoint, from_thread) == ("Hello there", "Hello there")
    assert len(openai_server.connections) == 1


def test_a_script_without_an_event_loop_can_make_blocking_calls(
    openai_server: OpenAIServer, endpoint: Endpoint
) -> None:
    model = OpenAIChatModel.create(httpx2.AsyncClient(), endpoint, OPTIONS)
    assert model.invoke("Hello").text == "Hello there"
    assert merge(list(model.stream("Hello"))).text == "Hello there"


def test_a_blocking_stream_can_be_abandoned(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(stream(text_chunks("Good", " day")))
    model = OpenAIChatModel.create(httpx2.AsyncClient(limits=httpx2.Limits(max_connections=1)), endpoint, OPTIONS)
    assert next(iter(model.stream("Hello"))).text == "Good"
    assert model.invoke("Hello").text == "Hello there"


def test_blocking_the_clients_own_loop_is_refused(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    async def block(model: OpenAIChatModel) -> None:
        model.invoke("Hello")

    with pytest.raises(ChatError, match="Use the async method"):
        run_with_model(endpoint, block)


def test_blocking_the_clients_own_loop_works_with_a_second_client(
    openai_server: OpenAIServer, endpoint: Endpoint
) -> None:
    async def block(model: OpenAIChatModel) -> str:
        return model.invoke("Hello").text

    assert run_with_model(endpoint, block, http_factory=httpx2.AsyncClient) == "Hello there"


# Tools


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("any", "required"),
        ("required", "required"),
        (True, "required"),
        ("add", {"type": "function", "function": {"name": "add"}}),
        ({"type": "function", "function": {"name": "add"}}, {"type": "function", "function": {"name": "add"}}),
        (None, None),
    ],
)
def test_tools_are_offered_with_a_choice(
    openai_server: OpenAIServer, endpoint: Endpoint, choice: Any, sent: Any
) -> None:
    run_with_model(endpoint, lambda model: model.bind_tools([add], tool_choice=choice).ainvoke("Hello"))
    body = openai_server.bodies[0]
    assert body["tools"][0]["function"]["name"] == "add"
    assert body.get("tool_choice") == sent


def test_an_unknown_tool_choice_is_refused(endpoint: Endpoint) -> None:
    async def bind(model: OpenAIChatModel) -> None:
        model.bind_tools([add], tool_choice="subtract")

    with pytest.raises(ChatError, match="'subtract' is not one of the tools: add"):
        run_with_model(endpoint, bind)


def test_tools_can_be_strict_and_not_parallel(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    run_with_model(
        endpoint, lambda model: model.bind_tools([add], strict=True, parallel_tool_calls=False).ainvoke("Hello")
    )
    body = openai_server.bodies[0]
    assert body["tools"][0]["function"]["strict"] is True
    assert body["parallel_tool_calls"] is False


# Structured output


@pytest.mark.parametrize(
    ("schema", "parsed"),
    [
        (Weather, Weather(city="Rome", degrees=30)),
        (WeatherDict, {"city": "Rome", "degrees": 30}),
        (WEATHER_SCHEMA, {"city": "Rome", "degrees": 30}),
    ],
)
@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
def test_a_structured_answer_has_the_type_of_the_schema(
    openai_server: OpenAIServer, endpoint: Endpoint, method: Any, schema: Any, parsed: Any
) -> None:
    text = '{"city": "Rome", "degrees": 30}'
    name = "WeatherDict" if schema is WeatherDict else "Weather"
    openai_server.script(completion(calls=[call(name, text)]) if method == "function_calling" else completion(text))
    answer = run_with_model(
        endpoint, lambda model: model.with_structured_output(schema, method=method).ainvoke("Hello")
    )
    assert answer == parsed
    body = openai_server.bodies[0]
    if method == "function_calling":
        assert body["tool_choice"] == {"type": "function", "function": {"name": name}}
    elif method == "json_mode":
        assert body["response_format"] == {"type": "json_object"}
    else:
        assert body["response_format"]["json_schema"]["name"] == name
        assert body["response_format"]["json_schema"]["strict"] is isinstance(schema, type)


def test_a_strict_schema_forbids_other_members(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(completion('{"city": "Rome", "degrees": 1}'))
    run_with_model(endpoint, lambda model: model.with_structured_output(Weather).ainvoke("Hello"))
    schema = openai_server.bodies[0]["response_format"]["json_schema"]["schema"]
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["city", "degrees"]


@pytest.mark.parametrize("model", ["gpt-4", "gpt-4-turbo", "gpt-3.5-turbo"])
def test_an_older_model_returns_a_structured_answer_through_a_tool(
    openai_server: OpenAIServer, endpoint: Endpoint, model: str
) -> None:
    openai_server.script(completion(calls=[call("Weather", '{"city": "Rome"}')]))
    answer = run_with_model(endpoint, lambda m: m.with_structured_output(Weather).ainvoke("Hello"), ChatOptions(model))
    assert answer == Weather(city="Rome")


@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
def test_the_raw_answer_comes_with_the_parsing_error(
    openai_server: OpenAIServer, endpoint: Endpoint, method: Any
) -> None:
    bad = completion(calls=[call("Weather", '{"degrees": "x"}')]) if method == "function_calling" else completion("x")
    good = (
        completion("{}", calls=[call("Weather", '{"city": "Rome"}')])
        if method == "function_calling"
        else completion('{"city": "Rome"}')
    )
    openai_server.script(bad, good)

    async def twice(model: OpenAIChatModel) -> list[Any]:
        asking = model.with_structured_output(Weather, method=method, include_raw=True)
        return [await asking.ainvoke("Hello"), await asking.ainvoke("Hello")]

    failed, parsed = run_with_model(endpoint, twice)
    assert failed["parsed"] is None
    assert failed["parsing_error"] is not None
    assert isinstance(failed["raw"], AIMessage)
    assert (parsed["parsed"], parsed["parsing_error"]) == (Weather(city="Rome"), None)


def test_an_answer_of_another_form_is_a_parsing_error(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(completion("Rome is warm."))
    with pytest.raises(OutputParserException):
        run_with_model(endpoint, lambda model: model.with_structured_output(Weather).ainvoke("Hello"))


def test_a_refusal_of_a_schema_is_an_error(openai_server: OpenAIServer, endpoint: Endpoint) -> None:
    openai_server.script(completion(refusal="I cannot help with that."))
    with pytest.raises(RefusalError, match="I cannot help with that"):
        run_with_model(endpoint, lambda model: model.with_structured_output(Weather).ainvoke("Hello"))


@pytest.mark.parametrize(("reason", "problem"), [("length", "limit of tokens"), ("content_filter", "content filter")])
def test_a_cut_off_structured_answer_says_why(
    openai_server: OpenAIServer, endpoint: Endpoint, reason: str, problem: str
) -> None:
    openai_server.script(completion('{"city": "Ro', finish_reason=reason))
    with pytest.raises(InvalidResponseError, match=problem):
        run_with_model(endpoint, lambda model: model.with_structured_output(Weather).ainvoke("Hello"))


@pytest.mark.parametrize("schema", [None, Weather])
def test_a_wrong_use_of_structured_output_is_refused(endpoint: Endpoint, schema: Any) -> None:
    async def bind(model: OpenAIChatModel) -> None:
        model.with_structured_output(schema, method="magic" if schema else "json_schema")  # type: ignore[arg-type]  # a wrong name

    with pytest.raises(ChatError, match="needs a schema" if schema is None else "no method 'magic'"):
        run_with_model(endpoint, bind)
