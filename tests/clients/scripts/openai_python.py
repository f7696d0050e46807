"""OpenAI's SDK for Python."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from tests.clients.scripts.support import (
    IMAGE_MODELS,
    IMAGE_URL,
    KEY,
    MISSING_MODEL,
    MODEL,
    TOOL_DESCRIPTION,
    TOOL_NAME,
    TOOL_PARAMETERS,
    URL,
    WEATHER,
    WRONG_KEY,
    Perform,
    error_of,
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


def chat_stream() -> list[str]:
    with client.chat.completions.create(model=MODEL, messages=[user("chat: stream")], stream=True) as chunks:
        return [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]


def chat_tools() -> dict[str, Any]:
    function = {"name": TOOL_NAME, "description": TOOL_DESCRIPTION, "parameters": TOOL_PARAMETERS, "strict": True}
    tools = [{"type": "function", "function": function}]
    question = user("chat: tools")
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


def chat_image(capability: str) -> Any:
    parts = [{"type": "text", "text": f"chat: {capability}"}, {"type": "image_url", "image_url": {"url": IMAGE_URL}}]
    messages: Any = [{"role": "user", "content": parts}]
    return client.chat.completions.create(model=IMAGE_MODELS[capability], messages=messages).choices[0].message.content


def chat_conversation() -> str | None:
    earlier = user("chat: earlier turn")
    content: str | None = chat([earlier, chat([earlier]), user("chat: conversation")]).content
    return content


def responses(text: Any, **options: Any) -> Any:
    return client.responses.create(model=MODEL, input=text, **options)


def responses_stream() -> list[str]:
    with client.responses.create(model=MODEL, input="responses: stream", stream=True) as events:
        return [event.delta for event in events if event.type == "response.output_text.delta"]


def responses_tools() -> dict[str, Any]:
    function = {"type": "function", "name": TOOL_NAME, "description": TOOL_DESCRIPTION, "parameters": TOOL_PARAMETERS}
    tools = [{**function, "strict": True}]
    first = responses("responses: tools", tools=tools)
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


def responses_image(capability: str) -> str:
    parts = [
        {"type": "input_text", "text": f"responses: {capability}"},
        {"type": "input_image", "image_url": IMAGE_URL, "detail": "auto"},
    ]
    items: Any = [{"role": "user", "content": parts}]
    return client.responses.create(model=IMAGE_MODELS[capability], input=items).output_text


def responses_conversation() -> str:
    earlier = responses("responses: earlier turn")
    text: str = responses("responses: conversation", previous_response_id=earlier.id).output_text
    return text


CHAT: dict[str, Perform] = {
    "models": lambda: [model.id for model in client.models.list()],
    "chat": lambda: chat([user("chat: chat")]).content,
    "stream": chat_stream,
    "tools": chat_tools,
    "structured": chat_structured,
    **{name: lambda name=name: chat_image(name) for name in IMAGE_MODELS},  # type: ignore[misc]
    "conversation": chat_conversation,
    "wrong_key": lambda: error_of(lambda: wrong_client.chat.completions.create(model=MODEL, messages=[user("x")])),
    "unknown_model": lambda: error_of(
        lambda: client.chat.completions.create(model=MISSING_MODEL, messages=[user("x")])
    ),
}
RESPONSES: dict[str, Perform] = {
    "models": lambda: [client.models.retrieve(MODEL).id],
    "chat": lambda: responses("responses: chat").output_text,
    "stream": responses_stream,
    "tools": responses_tools,
    "structured": responses_structured,
    **{name: lambda name=name: responses_image(name) for name in IMAGE_MODELS},  # type: ignore[misc]
    "conversation": responses_conversation,
    "wrong_key": lambda: error_of(lambda: wrong_client.responses.create(model=MODEL, input="x")),
    "unknown_model": lambda: error_of(lambda: client.responses.create(model=MISSING_MODEL, input="x")),
}

report({"chat": CHAT, "responses": RESPONSES})
