"""Convert LangChain messages to the protocol's format.

Source: https://platform.openai.com/docs/api-reference/chat/create#chat-create-messages
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headrace.models.openai_chat.errors import ChatError

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, BaseMessage

#: Blocks of an answer that a request does not repeat: tool calls are in `tool_calls`, the rest is internal to the model.
_OMITTED_BLOCKS = frozenset(
    {
        "tool_use",
        "tool_call",
        "invalid_tool_call",
        "server_tool_call",
        "server_tool_result",
        "thinking",
        "redacted_thinking",
        "reasoning",
        "reasoning_content",
        "function_call",
        "code_interpreter_call",
        "non_standard",
    }
)
_DATA_BLOCKS = frozenset({"image", "audio", "file"})
_ROLES = {"human": "user", "ai": "assistant", "tool": "tool", "function": "function"}


def message_to_wire(message: BaseMessage | Mapping[str, Any], system_role: str = "system") -> Mapping[str, Any]:
    """Return a message in the protocol's format.

    Args:
        message: a LangChain message, or a message in the protocol's form, which is returned as it is.
        system_role: the role of instructions, `system` or `developer`.

    Raises:
        ChatError: the message or a block of it cannot be sent.

    """
    if isinstance(message, Mapping):
        return message
    kind = message.type.removesuffix("MessageChunk").lower()
    content = _content_to_wire(message.content)
    if kind == "tool":
        # `name` is not a member of tool messages.
        return {"role": "tool", "content": content, "tool_call_id": getattr(message, "tool_call_id", "")}
    wire: dict[str, Any] = {"role": _role(message, kind, system_role), "content": content}
    if message.name:
        wire["name"] = message.name
    if kind == "ai":
        _add_answer(wire, message)  # type: ignore[arg-type]  # `type` says that it is an AIMessage
    return wire


def _role(message: BaseMessage, kind: str, system_role: str) -> str:
    if kind == "system":
        return str(message.additional_kwargs.get("__openai_role__") or system_role)
    if kind == "chat":
        return str(getattr(message, "role", "user"))
    role = _ROLES.get(kind)
    if role is None:
        raise ChatError(f"A message of type {message.type!r} cannot be sent to a chat model.")
    return role


def _add_answer(wire: dict[str, Any], message: AIMessage) -> None:
    """Add the members of an earlier answer of the model."""
    extra = message.additional_kwargs
    if message.tool_calls or message.invalid_tool_calls:
        wire["tool_calls"] = [
            *(_call_to_wire(c["id"], c["name"], _to_json(c["args"])) for c in message.tool_calls),
            *(_call_to_wire(c["id"], c["name"], c["args"] or "") for c in message.invalid_tool_calls),
        ]
    elif extra.get("tool_calls"):
        wire["tool_calls"] = extra["tool_calls"]
    elif extra.get("function_call"):
        wire["function_call"] = extra["function_call"]
    if audio := extra.get("audio"):
        wire["audio"] = {"id": audio["id"]}
    if refusal := extra.get("refusal"):
        wire["refusal"] = refusal
    if not wire["content"] and len(wire) > 2 + bool(message.name):
        wire["content"] = None


def _call_to_wire(call_id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    return {"type": "function", "id": call_id or "", "function": {"name": name or "", "arguments": arguments}}


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _content_to_wire(content: str | list[str | dict[str, Any]]) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content
    return [_block_to_wire(block) for block in content if isinstance(block, str) or not _is_omitted(block)]


def _is_omitted(block: Mapping[str, Any]) -> bool:
    return block.get("type") in _OMITTED_BLOCKS


def _block_to_wire(block: str | dict[str, Any]) -> dict[str, Any]:
    """Return a part of a message's content: text, image, audio, file, or a part in the protocol's format."""
    if isinstance(block, str):
        return {"type": "text", "text": block}
    kind = block.get("type")
    if kind in {"text", "text-plain"}:
        return {"type": "text", "text": block.get("text") or ""}
    if kind == "image_url":
        url = block.get("image_url")
        return {"type": "image_url", "image_url": {"url": url} if isinstance(url, str) else url}
    if kind in _DATA_BLOCKS and kind not in block:
        return _data_to_wire(block)
    return block


def _data_to_wire(block: dict[str, Any]) -> dict[str, Any]:
    """Return an image, audio or file block of LangChain (old or new format) or of Anthropic in the protocol's format."""
    from langchain_core.messages.block_translators.openai import convert_to_openai_data_block

    source = block.get("source")
    if block["type"] == "image" and isinstance(source, Mapping):
        url = source.get("url") or f"data:{source.get('media_type')};base64,{source.get('data')}"
        return {"type": "image_url", "image_url": {"url": url}}
    if block["type"] == "file" and "filename" not in _descriptions(block):
        block = {**block, "filename": "file"}
    try:
        return convert_to_openai_data_block(block)
    except (KeyError, ValueError) as error:
        raise ChatError(f"An {block['type']} block of a message cannot be sent to the model: {error}") from error


def _descriptions(block: Mapping[str, Any]) -> dict[str, Any]:
    return {**(block.get("metadata") or {}), **(block.get("extras") or {}), **block}
