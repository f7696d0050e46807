"""The items of a response's input.

Source: OpenAI's API reference of `POST /responses`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Self
from uuid import uuid4

from pydantic import Field, model_validator

from headrace.formats.openai.content_parts import ContentPart, FilePaths, ParsedText, WireModel, to_parts, to_text
from headrace.formats.openai.errors import ParameterError, UnsupportedParameterError
from headrace.formats.openai.flow_input import SystemMessage, is_system_role
from headrace.formats.openai.request_limits import MAX_LIST_ITEMS
from headrace.models.content import TextPart, Turn
from headrace.models.openai_chat.completion import ToolCall

#: The type of an item that stands for an output item of a stored response.
ITEM_REFERENCE = "item_reference"
#: The maximum length of the id of an item.
MAX_ITEM_ID_CHARACTERS = 128

Parts = Annotated[list[ContentPart], Field(max_length=MAX_LIST_ITEMS, fail_fast=True)]


class InputItem(WireModel):
    """An item of the input; its `type` tells which of the other fields it has."""

    type: str = "message"
    id: str | None = None
    status: str | None = None
    #: Of a message.
    role: str = "user"
    content: str | Parts | None = None
    phase: str | None = None
    #: Of a function call, or of a call that the server made.
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    parsed_arguments: ParsedText = None
    output: str | Parts | None = None
    server_label: str | None = None
    error: str | None = None

    @model_validator(mode="after")
    def _name_reference(self) -> Self:
        # The type of a reference may be missing: it consists of its id.
        if self.model_fields_set == {"id"} and self.id:
            self.type = ITEM_REFERENCE
        return self

    def file_ids(self) -> Iterator[str]:
        """Yield the ids of uploaded files."""
        for part in self.content if isinstance(self.content, list) else ():
            yield from part.file_ids()


def to_turns(item: InputItem, paths: FilePaths, parameter: str) -> list[Turn | SystemMessage]:
    """Return the messages that an item stands for.

    Raises:
        ParameterError: The item is not valid.
        UnsupportedParameterError: Items of its type are not supported.

    """
    match item.type:
        case "message":
            return [_message(item, paths, parameter)]
        case "function_call":
            call = ToolCall(
                _required(item.call_id, f"{parameter}.call_id"),
                _required(item.name, f"{parameter}.name"),
                item.arguments or "{}",
            )
            return [Turn("assistant", (), (call,))]
        case "function_call_output":
            call_id = _required(item.call_id, f"{parameter}.call_id")
            text = to_text(item.output, f"{parameter}.output")
            return [Turn("tool", (TextPart(text),) if text else (), tool_call_id=call_id)]
        case "mcp_call":
            # A call that an agent of a flow made, in an earlier answer that the client sends again.
            call_id = item.id or f"call_{uuid4().hex}"
            output = to_text(item.output, f"{parameter}.output") or item.error or ""
            call = ToolCall(call_id, _required(item.name, f"{parameter}.name"), item.arguments or "{}")
            return [
                Turn("assistant", (), (call,)),
                Turn("tool", (TextPart(output),) if output else (), tool_call_id=call_id),
            ]
        case _:
            raise UnsupportedParameterError(f"{parameter}.type", f"Items of the type {item.type!r} are not supported.")


def _message(item: InputItem, paths: FilePaths, parameter: str) -> Turn | SystemMessage:
    content = f"{parameter}.content"
    if is_system_role(item.role):
        return SystemMessage(to_text(item.content, content))
    if item.role == "user":
        if item.content is None:
            raise ParameterError(content, f"Missing required parameter: '{content}'.", "missing_required_parameter")
        return Turn("user", to_parts(item.content, paths, content))
    if item.role == "assistant":
        return Turn("assistant", to_parts(item.content, {}, content))
    raise ParameterError(
        f"{parameter}.role",
        f"Invalid value for '{parameter}.role': {item.role!r}. Use system, developer, user or assistant.",
    )


def _required(value: str | None, parameter: str) -> str:
    if value is None:
        raise ParameterError(parameter, f"Missing required parameter: '{parameter}'.", "missing_required_parameter")
    return value


def check_item_ids(items: Iterable[Mapping[str, Any]], parameter: str) -> None:
    """Check that the ids of stored items are short, and that no two are the same.

    Raises:
        ParameterError: An id is too long, or two items have the same.

    """
    seen: set[str] = set()
    for n, item in enumerate(items):
        if len(item["id"]) > MAX_ITEM_ID_CHARACTERS:
            raise ParameterError(
                f"{parameter}[{n}].id", f"The id of an item has at most {MAX_ITEM_ID_CHARACTERS} characters."
            )
        if item["id"] in seen:
            raise ParameterError(
                f"{parameter}[{n}].id", f"Two items have the id '{item['id']}'. Send each once, or omit the ids."
            )
        seen.add(item["id"])


_ID_PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fco", "mcp_call": "mcp"}


def stored_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an input item as lists of items contain it: with an id, and with the text of a message as a part."""
    kind = str(item.get("type") or "message")
    stored: dict[str, Any] = {**item, "type": kind, "status": item.get("status") or "completed"}
    stored["id"] = item.get("id") or f"{_ID_PREFIXES.get(kind, 'item')}_{uuid4().hex}"
    if kind == "message":
        stored["role"] = item.get("role") or "user"
        content = item.get("content")
        if isinstance(content, str):
            part = (
                {"type": "output_text", "annotations": []} if stored["role"] == "assistant" else {"type": "input_text"}
            )
            stored["content"] = [{**part, "text": content}]
    return stored
