"""Parse tool calls from complete answers and from streams."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

import orjson

from headrace.models.openai_chat.completion import ToolCall, ToolCallDelta
from headrace.models.openai_chat.errors import InvalidResponseError

#: Tool calls of one answer.
MAX_TOOL_CALLS = 128


def check_call_count(count: int) -> None:
    """Check the number of tool calls of an answer.

    Raises:
        InvalidResponseError: they are too many.

    """
    if count > MAX_TOOL_CALLS:
        raise InvalidResponseError(f"The model's answer has more than {MAX_TOOL_CALLS} tool calls. Use another model.")


def parse_call(call: dict[str, Any]) -> ToolCall:
    """Return a complete tool call. A call without an id, as some servers send, receives a new id."""
    function = call["function"]
    return ToolCall(call.get("id") or _new_id(), function.get("name") or "", _arguments(function.get("arguments")))


def parse_arguments(text: str) -> tuple[dict[str, Any] | None, str]:
    """Return the arguments of a call, or None and the problem. The text may be empty for a call without arguments."""
    if not text.strip():
        return {}, ""
    try:
        # Models write line breaks into strings without escaping them.
        args = json.loads(text, strict=False)
    except ValueError as error:
        return None, f"The arguments are not valid JSON: {error}."
    return (args, "") if isinstance(args, dict) else (None, "The arguments are not a JSON object.")


@dataclass(slots=True)
class _Started:
    """A call whose first part has arrived, with its index in our stream."""

    index: int
    server_id: str
    name: str


class ToolCallParser:
    """Parses the parts of a stream's tool calls, so that each call has an index, one id and one name.

    Servers differ: some repeat the id and the name in every part, send no id, or send every call under index 0.
    """

    def __init__(self) -> None:
        self._started: dict[int, _Started] = {}
        self._count = 0

    def parse(self, call: dict[str, Any], position: int) -> ToolCallDelta:
        """Return a part of a call.

        Args:
            call: the part in the protocol's format.
            position: the index of the part in its event, used if the server sends no index.

        """
        function = call.get("function") or {}
        index = call.get("index")
        slot = position if index is None else index
        server_id, name = call.get("id") or "", function.get("name") or ""
        arguments = _arguments(function.get("arguments"))
        started = self._started.get(slot)
        if started is None or (server_id and started.server_id and server_id != started.server_id):
            check_call_count(self._count + 1)
            self._started[slot] = _Started(self._count, server_id, name)
            self._count += 1
            return ToolCallDelta(self._count - 1, server_id or _new_id(), name or None, arguments)
        more = name if name != started.name else ""
        started.name = started.name or more
        return ToolCallDelta(started.index, None, more or None, arguments)


def _new_id() -> str:
    return f"call_{uuid.uuid4().hex}"


def _arguments(value: Any) -> str:
    """Return a call's arguments as JSON text; some servers send an object."""
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode() if value else ""
