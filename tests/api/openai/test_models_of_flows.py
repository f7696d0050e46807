"""What a client sends reaches the model of a flow, and what the model returns reaches the client."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx2
import openai
import pytest
from pydantic import BaseModel

from tests.support.recording_model import ARGUMENTS, USAGE, RecordingModel

IMAGE = base64.b64encode(bytes(range(256)) * 8).decode()
IMAGE_URL = f"data:image/png;base64,{IMAGE}"
PARAMETERS: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT_TOOL: Any = {"type": "function", "function": {"name": "weather", "description": "d", "parameters": PARAMETERS}}
RESPONSE_TOOL: Any = {"type": "function", "name": "weather", "parameters": PARAMETERS, "strict": True}


def sent(model: RecordingModel) -> list[tuple[str, Any]]:
    """Return the roles and contents of the messages in the last request to the model."""
    return [(m["role"], m["content"]) for m in model.last["messages"]]


CONVERSATION: Any = [
    {"role": "system", "content": "Rhyme."},
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "two"},
    {"role": "developer", "content": "Be polite."},
    {"role": "user", "content": "three"},
]
SENT_CONVERSATION = [
    ("system", "Be brief.\n\nRhyme.\n\nBe polite."),
    ("user", "one"),
    ("assistant", "two"),
    ("user", "three"),
]


def test_system_messages_and_earlier_turns_reach_the_model(
    sdk: openai.OpenAI, chat_flow: str, model: RecordingModel
) -> None:
    sdk.chat.completions.create(model=chat_flow, messages=CONVERSATION)
    assert sent(model) == SENT_CONVERSATION
    sdk.responses.create(model=chat_flow, input=CONVERSATION)
    assert sent(model) == SENT_CONVERSATION
    sdk.responses.create(model=chat_flow, input=CONVERSATION[1:3] + CONVERSATION[4:], instructions="Rhyme.")
    assert sent(model) == [("system", "Be brief.\n\nRhyme."), *SENT_CONVERSATION[1:]]


def image_of(model: RecordingModel) -> str:
    """Return the URL of the image in the last message of the last request."""
    [image] = [part for part in model.last["messages"][-1]["content"] if part["type"] == "image_url"]
    return str(image["image_url"]["url"])


def test_an_image_reaches_the_model_byte_for_byte(sdk: openai.OpenAI, chat_flow: str, model: RecordingModel) -> None:
    file = sdk.files.create(file=("picture.png", base64.b64decode(IMAGE)), purpose="vision")
    chat_content: Any = [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": IMAGE_URL}}]
    sdk.chat.completions.create(model=chat_flow, messages=[{"role": "user", "content": chat_content}])
    assert image_of(model) == IMAGE_URL
    for image in ({"image_url": IMAGE_URL}, {"file_id": file.id}):
        content: Any = [{"type": "input_text", "text": "see"}, {"type": "input_image", "detail": "auto", **image}]
        first = sdk.responses.create(model=chat_flow, input=[{"role": "user", "content": content}])
        assert image_of(model) == IMAGE_URL
        sdk.responses.create(model=chat_flow, input="again", previous_response_id=first.id)
        assert IMAGE in json.dumps(model.last["messages"][1])


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_makes_the_calls_of_its_tools_in_a_chat(
    sdk: openai.OpenAI, chat_flow: str, model: RecordingModel, stream: bool
) -> None:
    messages: Any = [{"role": "user", "content": "weather?"}]
    if stream:
        chunks = list(sdk.chat.completions.create(model=chat_flow, messages=messages, tools=[CHAT_TOOL], stream=True))
        [delta] = [c.choices[0].delta.tool_calls for c in chunks if c.choices[0].delta.tool_calls]
        call: Any = delta[0]
        assert chunks[-1].choices[0].finish_reason == "tool_calls"
    else:
        choice = sdk.chat.completions.create(model=chat_flow, messages=messages, tools=[CHAT_TOOL]).choices[0]
        assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
        [call] = choice.message.tool_calls or []
    assert (call.function.name, call.function.arguments) == ("weather", ARGUMENTS)
    assert model.last["tools"][0]["function"]["parameters"] == PARAMETERS
    function = {"name": "weather", "arguments": ARGUMENTS}
    messages += [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": call.id, "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    done = sdk.chat.completions.create(model=chat_flow, messages=messages, tools=[CHAT_TOOL])
    assert done.choices[0].message.content == "one two three"
    assert [m["role"] for m in model.last["messages"]] == ["system", "user", "assistant", "tool"]
    assert (model.last["messages"][-1]["tool_call_id"], model.last["messages"][-1]["content"]) == (call.id, "sunny")


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_makes_the_calls_of_its_tools_in_a_response(
    sdk: openai.OpenAI, chat_flow: str, model: RecordingModel, stream: bool
) -> None:
    if stream:
        events = list(sdk.responses.create(model=chat_flow, input="weather?", tools=[RESPONSE_TOOL], stream=True))
        assert "response.function_call_arguments.done" in [e.type for e in events]
        first: Any = events[-1].response  # type: ignore[union-attr]
    else:
        first = sdk.responses.create(model=chat_flow, input="weather?", tools=[RESPONSE_TOOL])
    [call] = first.output
    assert (call.type, call.name, call.arguments, first.status) == ("function_call", "weather", ARGUMENTS, "completed")
    output: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}]
    done = sdk.responses.create(model=chat_flow, input=output, tools=[RESPONSE_TOOL], previous_response_id=first.id)
    assert done.output_text == "one two three"
    assert [m["role"] for m in model.last["messages"]] == ["system", "user", "assistant", "tool"]
    # The same without a stored response: the client sends the items again.
    again = sdk.responses.create(
        model=chat_flow,
        input=[{"role": "user", "content": "weather?"}, call.model_dump(exclude_none=True), *output],
        tools=[RESPONSE_TOOL],
        store=False,
    )
    assert again.output_text == "one two three"
    assert [m["role"] for m in model.last["messages"]] == ["system", "user", "assistant", "tool"]


def test_items_of_stored_responses_can_be_referenced(sdk: openai.OpenAI, chat_flow: str, model: RecordingModel) -> None:
    first = sdk.responses.create(model=chat_flow, input="weather?", tools=[RESPONSE_TOOL])
    call: Any = first.output[0]
    items: Any = [
        {"role": "user", "content": "weather?"},
        {"type": "item_reference", "id": call.id},
        {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"},
    ]
    second = sdk.responses.create(model=chat_flow, input=items, tools=[RESPONSE_TOOL])
    assert second.output_text == "one two three"
    assert model.last["messages"][2]["tool_calls"][0]["function"] == {"name": "weather", "arguments": ARGUMENTS}
    listed = sdk.responses.input_items.list(second.id, order="asc").data
    assert [item.type for item in listed] == ["message", "function_call", "function_call_output"]
    sdk.responses.delete(first.id)
    with pytest.raises(openai.BadRequestError) as missing:
        sdk.responses.create(model=chat_flow, input=items)
    assert missing.value.param == "input[1].id"


def test_a_choice_of_tool_reaches_the_model(sdk: openai.OpenAI, chat_flow: str, model: RecordingModel) -> None:
    messages: Any = [{"role": "user", "content": "weather?"}]
    named: Any = {"type": "function", "function": {"name": "weather"}}
    for choice in ("required", "auto", named):
        sdk.chat.completions.create(
            model=chat_flow, messages=messages, tools=[CHAT_TOOL], tool_choice=choice, parallel_tool_calls=False
        )
        assert model.last.get("tool_choice", "auto") == choice
        assert model.last["parallel_tool_calls"] is False
    sdk.responses.create(
        model=chat_flow, input="x", tools=[RESPONSE_TOOL], tool_choice={"type": "function", "name": "weather"}
    )
    assert model.last["tool_choice"] == named


class Record(BaseModel):
    answer: int


def test_structured_answers_are_parsed_by_the_sdk(sdk: openai.OpenAI, chat_flow: str, model: RecordingModel) -> None:
    completion = sdk.chat.completions.parse(
        model=chat_flow, messages=[{"role": "user", "content": "x"}], response_format=Record
    )
    assert completion.choices[0].message.parsed == Record(answer=42)
    sent_format = model.last["response_format"]["json_schema"]
    assert (sent_format["strict"], sent_format["schema"]["required"]) == (True, ["answer"])
    response = sdk.responses.parse(model=chat_flow, input="x", text_format=Record)
    assert response.output_parsed == Record(answer=42)
    sdk.chat.completions.create(
        model=chat_flow, messages=[{"role": "user", "content": "x"}], response_format={"type": "json_object"}
    )
    assert model.last["response_format"] == {"type": "json_object"}


def test_a_reference_needs_no_type(sdk: openai.OpenAI, chat_flow: str, model: RecordingModel) -> None:
    first = sdk.responses.create(model=chat_flow, input="one")
    reference: Any = {"id": first.output[0].id}
    sdk.responses.create(model=chat_flow, input=[reference, {"role": "user", "content": "two"}])
    assert sent(model)[1:] == [("assistant", "one two three"), ("user", "two")]


def check_usage(usage: Any) -> None:
    assert (
        usage.model_dump(exclude_none=True).items()
        >= {
            "prompt_tokens": USAGE["prompt_tokens"],
            "completion_tokens": USAGE["completion_tokens"],
            "total_tokens": USAGE["total_tokens"],
        }.items()
    )
    assert usage.prompt_tokens_details.cached_tokens == 4
    assert usage.completion_tokens_details.reasoning_tokens == 2


def test_the_usage_is_that_of_the_model(sdk: openai.OpenAI, chat_flow: str, model: RecordingModel) -> None:
    messages: Any = [{"role": "user", "content": "x"}]
    check_usage(sdk.chat.completions.create(model=chat_flow, messages=messages).usage)
    chunks = list(
        sdk.chat.completions.create(
            model=chat_flow, messages=messages, stream=True, stream_options={"include_usage": True}
        )
    )
    check_usage(chunks[-1].usage)
    assert (chunks[-1].choices, [c.usage for c in chunks[:-1]]) == ([], [None] * (len(chunks) - 1))
    without = list(sdk.chat.completions.create(model=chat_flow, messages=messages, stream=True))
    assert [c.usage for c in without] == [None] * len(without)
    usages = [sdk.responses.create(model=chat_flow, input="x").usage]
    usages.append(list(sdk.responses.create(model=chat_flow, input="x", stream=True))[-1].response.usage)  # type: ignore[union-attr]
    for usage in usages:
        assert usage is not None
        assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (11, 5, 16)
        assert (usage.input_tokens_details.cached_tokens, usage.output_tokens_details.reasoning_tokens) == (4, 2)


def test_n_answers_are_n_runs(sdk: openai.OpenAI, chat_flow: str, model: RecordingModel) -> None:
    messages: Any = [{"role": "user", "content": "x"}]
    completion = sdk.chat.completions.create(model=chat_flow, messages=messages, n=3)
    assert [(c.index, c.message.content) for c in completion.choices] == [(n, "one two three") for n in range(3)]
    assert completion.usage is not None
    assert completion.usage.total_tokens == 3 * 16
    assert len(model.bodies) == 3
    chunks = list(sdk.chat.completions.create(model=chat_flow, messages=messages, n=2, stream=True))
    texts = ["".join(c.choices[0].delta.content or "" for c in chunks if c.choices[0].index == n) for n in range(2)]
    assert texts == ["one two three"] * 2


def test_a_stream_of_tokens_arrives_as_the_model_sends_them(
    sdk: openai.OpenAI, chat_flow: str, model: RecordingModel
) -> None:
    messages: Any = [{"role": "user", "content": "x"}]
    chunks = list(sdk.chat.completions.create(model=chat_flow, messages=messages, stream=True))
    assert [t for c in chunks if (t := c.choices[0].delta.content)] == ["one ", "two ", "three"]
    events = list(sdk.responses.create(model=chat_flow, input="x", stream=True))
    assert [e.delta for e in events if e.type == "response.output_text.delta"] == ["one ", "two ", "three"]


def test_a_chat_continues_the_session_that_the_client_names(client: httpx2.Client, chat_flow: str) -> None:
    for text in ("one", "two"):
        body = {"model": chat_flow, "messages": [{"role": "user", "content": text}], "metadata": {"session_id": "ada"}}
        assert client.post("/v1/chat/completions", json=body).status_code == 200
    messages = client.get("/api/v1/monitor/messages", params={"session_id": "ada", "flow_id": chat_flow}).json()
    assert [m["text"] for m in messages if m["sender"] == "User"] == ["one", "two"]
