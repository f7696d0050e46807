"""Convert messages in the format of OpenAI's protocol to LangChain messages, and read what LangChain messages report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.tool import invalid_tool_call, tool_call

from headrace.models.openai_chat.tool_calls import parse_arguments

if TYPE_CHECKING:
    from headrace.models.chat_model import ChatMessage

#: The reasons of Anthropic's protocol under the names of OpenAI's.
#: Source: https://docs.claude.com/en/api/messages (`stop_reason`)
_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def finish_reason_of(message: AIMessage) -> str:
    """Return the reason for which a model ended its answer, under the name of OpenAI's protocol; empty if it reports none."""
    metadata = message.response_metadata
    reason = str(metadata.get("finish_reason") or metadata.get("stop_reason") or metadata.get("done_reason") or "")
    return _FINISH_REASONS.get(reason, reason)


def to_langchain_messages(messages: Sequence[ChatMessage]) -> list[BaseMessage]:
    """Return messages as LangChain messages."""
    return [message if isinstance(message, BaseMessage) else _to_langchain_message(message) for message in messages]


def _to_langchain_message(message: Mapping[str, Any]) -> BaseMessage:
    content = message["content"] or ""
    role = message["role"]
    if role in {"system", "developer"}:
        return SystemMessage(content)
    if role == "tool":
        return ToolMessage(content, tool_call_id=message["tool_call_id"])
    if role == "user":
        return HumanMessage(content if isinstance(content, str) else [_to_block(part) for part in content])
    calls, invalid = [], []
    for call in message.get("tool_calls") or ():
        name, text = call["function"]["name"], call["function"]["arguments"]
        arguments, problem = parse_arguments(text)
        if arguments is None:
            invalid.append(invalid_tool_call(name=name, args=text, id=call["id"], error=problem))
        else:
            calls.append(tool_call(name=name, args=arguments, id=call["id"]))
    return AIMessage(content, tool_calls=calls, invalid_tool_calls=invalid)


def _to_block(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return a part of a content as a block that LangChain's models know.

    Source: https://docs.langchain.com/oss/python/langchain/messages#multimodal
    """
    if part["type"] == "file":
        head, _, data = part["file"]["file_data"].partition(",")
        media_type = head.removeprefix("data:").partition(";")[0]
        return {"type": "file", "base64": data, "mime_type": media_type, "filename": part["file"]["filename"]}
    if part["type"] == "input_audio":
        audio = part["input_audio"]
        return {"type": "audio", "base64": audio["data"], "mime_type": f"audio/{audio['format']}"}
    return dict(part)
