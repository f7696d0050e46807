"""LangChain's `ChatOpenAI`."""

from __future__ import annotations

import functools
import operator
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import tool
from pydantic import BaseModel

from tests.clients.scripts.support import (
    BROKEN,
    IMAGE_URL,
    KEY,
    MISSING_MODEL,
    MODEL,
    REFUSED,
    TOOL_AGENT,
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
from langchain_openai import ChatOpenAI

model = ChatOpenAI(base_url=f"{URL}/v1", api_key=KEY, model=MODEL)
# end


class Answer(BaseModel):
    """The structured output."""

    answer: int


@tool
def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return WEATHER


def capabilities(part: str, **options: Any) -> dict[str, Perform]:
    """Return the capabilities of a model with these options."""

    def chat_model(name: str = MODEL, key: str = KEY) -> ChatOpenAI:
        return ChatOpenAI(base_url=f"{URL}/v1", api_key=key, model=name, **options)

    chat = model if part == "chat" else chat_model()

    def tools() -> dict[str, Any]:
        with_tools = chat.bind_tools([get_weather])
        question = HumanMessage(f"{part}: tools")
        return answer(with_tools, question, with_tools.invoke([question]))

    def stream_tools() -> dict[str, Any]:
        with_tools = chat.bind_tools([get_weather])
        question = HumanMessage(f"{part}: stream_tools")
        return answer(with_tools, question, functools.reduce(operator.add, with_tools.stream([question])))

    def answer(with_tools: Runnable[Any, AIMessage], question: HumanMessage, message: AIMessage) -> dict[str, Any]:
        results: list[ToolMessage] = [get_weather.invoke(dict(call, type="tool_call")) for call in message.tool_calls]
        return {
            "calls": [[call["name"], call["args"]] for call in message.tool_calls],
            "answer": with_tools.invoke([question, message, *results]).text,
        }

    def structured() -> Any:
        record = chat.with_structured_output(Answer).invoke(f"{part}: structured")
        assert isinstance(record, Answer)
        return record.model_dump()

    def image(capability: str, model: str) -> str:
        parts: list[str | dict[Any, Any]] = [
            {"type": "text", "text": f"{part}: {capability}"},
            {"type": "image", "base64": IMAGE_URL.partition(",")[2], "mime_type": "image/png"},
        ]
        return str(chat_model(model).invoke([HumanMessage(parts)]).text)

    def conversation() -> str:
        earlier = HumanMessage(f"{part}: earlier turn")
        return str(chat.invoke([earlier, chat.invoke([earlier]), HumanMessage(f"{part}: conversation")]).text)

    return {
        "chat": lambda: chat.invoke(f"{part}: chat").text,
        "stream": lambda: [chunk.text for chunk in chat.stream(f"{part}: stream")],
        "tools": tools,
        "stream_tools": stream_tools,
        "agent_tools": lambda: [chunk.text for chunk in chat_model(TOOL_AGENT).stream(f"{part}: agent_tools")],
        "structured": structured,
        **images(image),
        "conversation": conversation,
        "wrong_key": lambda: error_of(lambda: chat_model(key=WRONG_KEY).invoke("x")),
        "unknown_model": lambda: error_of(lambda: chat_model(MISSING_MODEL).invoke("x")),
        "failed_run": lambda: error_of(lambda: chat.invoke(REFUSED)),
        "failed_stream": lambda: error_of(lambda: list(chat.stream(BROKEN))),
    }


report({"chat": capabilities("chat"), "responses": capabilities("responses", use_responses_api=True)})
