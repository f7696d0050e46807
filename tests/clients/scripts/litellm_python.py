"""LiteLLM's `completion`."""

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
import litellm

settings = {"model": f"openai/{MODEL}", "api_base": f"{URL}/v1", "api_key": KEY}
# end


class Answer(BaseModel):
    """The structured output."""

    answer: int


def completion(messages: list[Any], **options: Any) -> Any:
    return litellm.completion(messages=messages, **{**settings, **options})


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def models() -> list[str]:
    names = litellm.get_valid_models(
        check_provider_endpoint=True, custom_llm_provider="openai", api_base=f"{URL}/v1", api_key=KEY
    )
    return [name.removeprefix("openai/") for name in names]


def stream(text: str, **options: Any) -> list[str]:
    chunks = completion([user(text)], stream=True, **options)
    return [chunk.choices[0].delta.content or "" for chunk in chunks]


def streamed_completion(messages: list[Any], **options: Any) -> Any:
    return litellm.stream_chunk_builder(list(completion(messages, stream=True, **options)))


def tools(capability: str, completion: Callable[..., Any]) -> dict[str, Any]:
    function = {"name": TOOL_NAME, "description": TOOL_DESCRIPTION, "parameters": TOOL_PARAMETERS}
    options = {"tools": [{"type": "function", "function": function}]}
    question = user(f"chat: {capability}")
    message = completion([question], **options).choices[0].message
    results = [{"role": "tool", "tool_call_id": call.id, "content": WEATHER} for call in message.tool_calls]
    return {
        "calls": [[call.function.name, json.loads(call.function.arguments)] for call in message.tool_calls],
        "answer": completion([question, message, *results], **options).choices[0].message.content,
    }


def structured() -> Any:
    content = completion([user("chat: structured")], response_format=Answer).choices[0].message.content
    return Answer.model_validate_json(content).model_dump()


def image(capability: str, model: str) -> Any:
    parts = [{"type": "text", "text": f"chat: {capability}"}, {"type": "image_url", "image_url": {"url": IMAGE_URL}}]
    messages = [{"role": "user", "content": parts}]
    return completion(messages, model=f"openai/{model}").choices[0].message.content


def conversation() -> Any:
    earlier = user("chat: earlier turn")
    message = completion([earlier]).choices[0].message
    return completion([earlier, message, user("chat: conversation")]).choices[0].message.content


CAPABILITIES: dict[str, Perform] = {
    "models": models,
    "chat": lambda: completion([user("chat: chat")]).choices[0].message.content,
    "stream": lambda: stream("chat: stream"),
    "tools": lambda: tools("tools", completion),
    "stream_tools": lambda: tools("stream_tools", streamed_completion),
    "agent_tools": lambda: stream("chat: agent_tools", model=f"openai/{TOOL_AGENT}"),
    "structured": structured,
    **images(image),
    "conversation": conversation,
    "wrong_key": lambda: error_of(lambda: completion([user("x")], api_key=WRONG_KEY)),
    "unknown_model": lambda: error_of(lambda: completion([user("x")], model=f"openai/{MISSING_MODEL}")),
    "failed_run": lambda: error_of(lambda: completion([user(REFUSED)])),
    "failed_stream": lambda: error_of(lambda: stream(BROKEN)),
}

report({"chat": CAPABILITIES})
