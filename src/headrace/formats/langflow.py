"""The run's answer as JSON, to the shapes that Langflow 1.7 recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.schema import Data, Message
from headrace.schema.message import SENDER_AI, SENDER_NAME_AI
from headrace.schema.records import is_table, records_of

if TYPE_CHECKING:
    from headrace.graph.result import RunResult, VertexResult

_CHAT = "chat"


def message_data(message: Message) -> dict[str, Any]:
    """Return a message as events and `results.*.data` carry it; `id` only once it is kept."""
    body: dict[str, Any] = {
        "timestamp": message.timestamp,
        "sender": message.sender,
        "sender_name": message.sender_name,
        "session_id": message.session_id,
        "context_id": message.context_id,
        "text": message.text,
        "files": message.files,
        "error": message.error,
        "edit": message.edit,
        "properties": message.properties.model_dump(),
        "category": message.category,
        "content_blocks": message.content_blocks,
    }
    if message.id is not None:
        body["id"] = message.id
    return {**body, "flow_id": message.flow_id, "duration": message.duration}


def _iso(timestamp: str) -> str:
    # From TIMESTAMP_FORMAT; parsing and formatting it again costs more than the rest of a small answer.
    return f"{timestamp[:10]}T{timestamp[11:19]}+00:00"


def _message_json(message: Message) -> dict[str, Any]:
    data = message_data(message)
    same = {k: data[k] for k in ("text", "sender", "sender_name", "files", "session_id", "context_id")}
    rest = {k: data[k] for k in ("flow_id", "error", "edit", "properties", "category", "content_blocks", "duration")}
    return {
        "text_key": "text",
        "data": data,
        "default_value": message.default_value,
        **same,
        "timestamp": _iso(message.timestamp),
        **rest,
    }


def value_json(value: object) -> Any:
    """Return the value of a port as JSON. Other objects than data appear as the name of their type."""
    if isinstance(value, Message):
        return _message_json(value)
    if isinstance(value, Data):
        return {"text_key": value.text_key, "data": value.data, "default_value": value.default_value}
    if isinstance(value, dict):
        return {str(k): value_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [value_json(v) for v in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if is_table(value):
        return records_of(value)
    return f"<{type(value).__name__}>"


def result_json(result: VertexResult) -> dict[str, Any]:
    """Return one vertex's part of an answer."""
    is_chat = result.component_type in {"ChatInput", "ChatOutput"}
    usage = {} if result.usage is None else {"usage": result.usage.to_json()}
    return {
        "results": {name: value_json(value) for name, value in result.outputs.items()},
        "artifacts": _chat_artifact(result) if is_chat else {n: _artifact(v) for n, v in result.outputs.items()},
        "outputs": {
            name: {"message": _display_value(value), "type": _kind(value)} for name, value in result.outputs.items()
        },
        "logs": dict.fromkeys(result.outputs, result.logs),
        "messages": [
            m for name, value in result.outputs.items() if (m := _chat_message(result, value, is_chat)) is not None
        ],
        "timedelta": None,
        "duration": None,
        "component_display_name": result.display_name,
        "component_id": result.vertex_id,
        "used_frozen_result": result.from_cache,
        **usage,
    }


def answer_json(result: RunResult) -> dict[str, Any]:
    """Return a run's answer as `POST /api/v1/run/{flow_id}` does."""
    inputs = {} if result.input_value is None else {"input_value": result.input_value}
    outputs = [result_json(vertex) for vertex in result.answers]
    answer: dict[str, Any] = {"session_id": result.session_id, "outputs": [{"inputs": inputs, "outputs": outputs}]}
    if result.usage is not None:
        answer["usage"] = result.usage.to_json()
    return answer


def _chat_artifact(result: VertexResult) -> dict[str, Any]:
    message = next((v for v in result.outputs.values() if isinstance(v, Message)), Message())
    return {
        "message": _markdown_breaks(message.text),
        "sender": message.sender,
        "sender_name": message.sender_name,
        "files": message.files,
        "type": "object",
    }


def _markdown_breaks(text: str) -> str:
    # Chats show the artifact as Markdown, where a line break takes two.
    return text.replace("\n", "\n\n")


def _artifact(value: object) -> dict[str, Any]:
    return {"repr": _display_value(value), "raw": _display_value(value), "type": _kind(value)}


def _kind(value: object) -> str:
    if isinstance(value, (Message, str)):
        return "text"
    if isinstance(value, (list, tuple)) or is_table(value):
        return "array"
    return "object"


def _display_value(value: object) -> Any:
    return value.text if isinstance(value, Message) else value_json(value)


def _chat_message(result: VertexResult, value: object, is_chat: bool) -> dict[str, Any] | None:
    if not isinstance(value, Message) or not value.text or not (is_chat or result.output_kind):
        return None
    return {
        "message": _markdown_breaks(value.text) if is_chat else value.text,
        "sender": value.sender or SENDER_AI,
        "sender_name": value.sender_name or SENDER_NAME_AI,
        "session_id": value.session_id,
        "stream_url": None,
        "component_id": result.vertex_id,
        "files": value.files,
        "type": "text",
    }
