"""OpenAI's SDK for Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from tests.clients.scripts.support import (
    BROKEN,
    IMAGE_URL,
    KEY,
    MISSING_MODEL,
    MODEL,
    REFUSED,
    TOOL_AGENT,
    TOOL_DESCRIPTION,
    TOOL_NAME,
    TOOL_PARAMETERS,
    URL,
    WEATHER,
    WRONG_KEY,
    Perform,
    error_of,
    images,
    report,
)

# isort: split
# set-up
from openai import OpenAI

client = OpenAI(base_url=f"{URL}/v1", api_key=KEY)
# end

wrong_client = OpenAI(base_url=f"{URL}/v1", api_key=WRONG_KEY)


class Answer(BaseModel):
    """The structured output."""

    answer: int


def user(text: str) -> Any:
    return {"role": "user", "content": text}


def chat(messages: list[Any], **options: Any) -> Any:
    return client.chat.completions.create(model=MODEL, messages=messages, **options).choices[0].message


def chat_stream(text: str, model: str = MODEL) -> list[str]:
    with client.chat.completions.create(model=model, messages=[user(text)], stream=True) as chunks:
        return [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]


def streamed_chat(messages: list[Any], tools: Any) -> Any:
    with client.chat.completions.stream(model=MODEL, messages=messages, tools=tools) as stream:
        return stream.get_final_completion().choices[0].message


def chat_tools(capability: str, chat: Callable[..., Any]) -> dict[str, Any]:
    function = {"name": TOOL_NAME, "description": TOOL_DESCRIPTION, "parameters": TOOL_PARAMETERS, "strict": True}
    tools = [{"type": "function", "function": function}]
    question = user(f"chat: {capability}")
    message = chat([question], tools=tools)
    results = [{"role": "tool", "tool_call_id": call.id, "content": WEATHER} for call in message.tool_calls]
    return {
        "calls": [[call.function.name, json.loads(call.function.arguments)] for call in message.tool_calls],
        "answer": chat([question, message, *results], tools=tools).content,
    }


def chat_structured() -> Any:
    messages = [user("chat: structured")]
    completion = client.chat.completions.parse(model=MODEL, messages=messages, response_format=Answer)
    parsed = completion.choices[0].message.parsed
    assert parsed is not None
    return parsed.model_dump()


def chat_image(capability: str, model: str) -> Any:
    parts = [{"type": "text", "text": f"chat: {capability}"}, {"type": "image_url", "image_url": {"url": IMAGE_URL}}]
    messages: Any = [{"role": "user", "content": parts}]
    return client.chat.completions.create(model=model, messages=messages).choices[0].message.content


def chat_conversation() -> str | None:
    earlier = user("chat: earlier turn")
    content: str | None = chat([earlier, chat([earlier]), user("chat: conversation")]).content
    return content


def responses(text: Any, **options: Any) -> Any:
    return client.responses.create(model=MODEL, input=text, **options)


def responses_stream(text: str, model: str = MODEL) -> list[str]:
    with client.responses.create(model=model, input=text, stream=True) as events:
        return [event.delta for event in events if event.type == "response.output_text.delta"]


def failed_response() -> dict[str, str]:
    """Return the event of a response that failed. The SDK raises no exception for it."""
    *_, event = client.responses.create(model=MODEL, input=BROKEN, stream=True)
    assert event.type == "response.failed" and event.response.error
    return {"type": f"event {event.type}", "text": event.response.error.message}


def streamed_response(text: Any, **options: Any) -> Any:
    with client.responses.stream(model=MODEL, input=text, **options) as stream:
        return stream.get_final_response()


def responses_tools(capability: str, responses: Callable[..., Any]) -> dict[str, Any]:
    function = {"type": "function", "name": TOOL_NAME, "description": TOOL_DESCRIPTION, "parameters": TOOL_PARAMETERS}
    tools = [{**function, "strict": True}]
    first = responses(f"responses: {capability}", tools=tools)
    calls = [item for item in first.output if item.type == "function_call"]
    results = [{"type": "function_call_output", "call_id": call.call_id, "output": WEATHER} for call in calls]
    return {
        "calls": [[call.name, json.loads(call.arguments)] for call in calls],
        "answer": responses(results, tools=tools, previous_response_id=first.id).output_text,
    }


def responses_structured() -> Any:
    response = client.responses.parse(model=MODEL, input="responses: structured", text_format=Answer)
    assert response.output_parsed is not None
    return response.output_parsed.model_dump()


def responses_image(capability: str, model: str) -> str:
    parts = [
        {"type": "input_text", "text": f"responses: {capability}"},
        {"type": "input_image", "image_url": IMAGE_URL, "detail": "auto"},
    ]
    items: Any = [{"role": "user", "content": parts}]
    return client.responses.create(model=model, input=items).output_text


def responses_conversation() -> str:
    earlier = responses("responses: earlier turn")
    text: str = responses("responses: conversation", previous_response_id=earlier.id).output_text
    return text


CHAT: dict[str, Perform] = {
    "models": lambda: [model.id for model in client.models.list()],
    "chat": lambda: chat([user("chat: chat")]).content,
    "stream": lambda: chat_stream("chat: stream"),
    "tools": lambda: chat_tools("tools", chat),
    "stream_tools": lambda: chat_tools("stream_tools", streamed_chat),
    "agent_tools": lambda: chat_stream("chat: agent_tools", TOOL_AGENT),
    "structured": chat_structured,
    **images(chat_image),
    "conversation": chat_conversation,
    "wrong_key": lambda: error_of(lambda: wrong_client.chat.completions.create(model=MODEL, messages=[user("x")])),
    "unknown_model": lambda: error_of(
        lambda: client.chat.completions.create(model=MISSING_MODEL, messages=[user("x")])
    ),
    "failed_run": lambda: error_of(lambda: chat([user(REFUSED)])),
    "failed_stream": lambda: error_of(lambda: chat_stream(BROKEN)),
}
RESPONSES: dict[str, Perform] = {
    "models": lambda: [client.models.retrieve(MODEL).id],
    "chat": lambda: responses("responses: chat").output_text,
    "stream": lambda: responses_stream("responses: stream"),
    "tools": lambda: responses_tools("tools", responses),
    "stream_tools": lambda: responses_tools("stream_tools", streamed_response),
    "agent_tools": lambda: responses_stream("responses: agent_tools", TOOL_AGENT),
    "structured": responses_structured,
    **images(responses_image),
    "conversation": responses_conversation,
    "wrong_key": lambda: error_of(lambda: wrong_client.responses.create(model=MODEL, input="x")),
    "unknown_model": lambda: error_of(lambda: client.responses.create(model=MISSING_MODEL, input="x")),
    "failed_run": lambda: error_of(lambda: responses(REFUSED)),
    "failed_stream": failed_response,
}

report({"chat": CHAT, "responses": RESPONSES})
