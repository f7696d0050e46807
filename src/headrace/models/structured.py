"""Structured output: request an answer that is valid for a schema, and have the model correct invalid answers."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError, create_model

from headrace.models.chat_model import answer_message, as_chat_model, tool_message, user_message
from headrace.models.provider import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from langchain_core.language_models import BaseChatModel

    from headrace.models.chat_model import ChatMessage, ChatModel
    from headrace.models.openai_chat.completion import Completion

#: The columns of the table that describes a schema in the editor.
SCHEMA_COLUMNS = [
    {
        "name": "name",
        "display_name": "Name",
        "type": "str",
        "description": "Name of the field.",
        "default": "field",
        "edit_mode": "inline",
    },
    {
        "name": "description",
        "display_name": "Description",
        "type": "str",
        "description": "Purpose of the field.",
        "default": "description of field",
        "edit_mode": "popover",
    },
    {
        "name": "type",
        "display_name": "Type",
        "type": "str",
        "edit_mode": "inline",
        "description": "Type of the value.",
        "options": ["str", "int", "float", "bool", "dict"],
        "default": "str",
    },
    {
        "name": "multiple",
        "display_name": "As List",
        "type": "boolean",
        "description": "Whether the field is a list.",
        "default": "False",
        "edit_mode": "inline",
    },
]

#: Requests for a correction after an invalid answer.
MAX_REPAIRS = 2

_TYPES: dict[str, type] = {
    "str": str,
    "text": str,
    "int": int,
    "integer": int,
    "float": float,
    "number": float,
    "bool": bool,
    "boolean": bool,
    "dict": dict,
    "object": dict,
}
_FENCE = "```"


def schema_of(rows: Iterable[Mapping[str, Any]], name: str = "Answer") -> type[BaseModel]:
    """Return the schema that a table describes.

    Args:
        rows: one row per field, with `name`, `description`, `type` and `multiple`.
        name: the name of the schema.

    Raises:
        ModelError: the table is empty, or a row has no name or an unknown type.

    """
    fields: dict[str, Any] = {}
    for row in rows:
        field, kind = str(row.get("name") or "").strip(), str(row.get("type") or "str").lower()
        if not field:
            raise ModelError("A row of the output schema has no name. Enter a name for each field.")
        if kind not in _TYPES:
            raise ModelError(f"The field {field!r} has the type {kind!r}. Choose one of str, int, float, bool, dict.")
        multiple = row.get("multiple") is True or str(row.get("multiple")).lower() == "true"
        single: Any = _TYPES[kind]
        fields[field] = (list[single] if multiple else single, Field(description=str(row.get("description") or field)))
    if not fields:
        raise ModelError("The output schema is empty. Add a row for each field.")
    return create_model(re.sub(r"\W+", "_", name).strip("_") or "Answer", **fields)


async def extract_objects(
    model: ChatModel | BaseChatModel, messages: Sequence[ChatMessage], schema: type[BaseModel]
) -> list[dict[str, Any]]:
    """Return the objects that a model finds in a conversation, each valid for `schema`.

    A model that can call tools must call a tool whose arguments have the schema; other models receive a request for JSON.

    Raises:
        ModelError: the answer is not valid for the schema after `MAX_REPAIRS` corrections.

    """
    answer_type = _list_of(schema)
    chat, conversation = _request_schema(as_chat_model(model), list(messages), answer_type)
    problem = ""
    for _ in range(1 + MAX_REPAIRS):
        answer = await chat.complete(conversation)
        try:
            result = answer_type.model_validate(_parse_answer(answer))
        except (ValidationError, ValueError, RecursionError) as error:
            problem = _describe(error)
        else:
            return [item.model_dump() for item in result.objects]  # type: ignore[attr-defined]  # _list_of adds it
        conversation.append(answer_message(answer))
        conversation += [tool_message("Rejected.", call.id) for call in answer.tool_calls]
        conversation.append(user_message(f"The answer does not fit the schema: {problem} Answer again in full."))
    raise ModelError(f"The model's answer does not fit the schema: {problem}")


def _list_of(schema: type[BaseModel]) -> type[BaseModel]:
    """Return a schema for an object with a list of objects. The arguments of a tool must be an object, not a list."""
    return create_model(
        f"{schema.__name__}List",
        objects=(list[schema], Field(description="All objects found.", fail_fast=True)),  # type: ignore[valid-type]
    )


def _request_schema(
    model: ChatModel, conversation: list[ChatMessage], answer_type: type[BaseModel]
) -> tuple[ChatModel, list[ChatMessage]]:
    """Return the model and the conversation that request an answer with a schema."""
    tool = tool_of_schema(answer_type)
    try:
        return model.with_tools([tool], tool_choice=answer_type.__name__), conversation
    except NotImplementedError:
        form = json.dumps(tool["function"]["parameters"])
        request = user_message(f"Answer with JSON only, in the form of this JSON schema: {form}")
        return model, [*conversation, request]


def tool_of_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """Return a tool in the format of OpenAI's protocol whose arguments have a schema.

    References are replaced by their definitions, because some servers do not resolve them.
    """
    form = schema.model_json_schema()
    definitions = form.pop("$defs", {})
    function = {
        "name": schema.__name__,
        "description": schema.__doc__ or "",
        "parameters": _inline(form, definitions),
    }
    return {"type": "function", "function": function}


def _inline(value: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_inline(item, definitions) for item in value]
    if not isinstance(value, dict):
        return value
    if reference := value.get("$ref"):
        return _inline(definitions[reference.rsplit("/", 1)[-1]], definitions)
    return {name: _inline(item, definitions) for name, item in value.items()}


def _parse_answer(answer: Completion) -> Any:
    """Return the object in an answer: the arguments of its call, or the JSON in its text.

    Raises:
        ValueError: the answer has neither.

    """
    if answer.tool_calls:
        return json.loads(answer.tool_calls[0].arguments, strict=False)
    value = json.loads(_fenced_text(answer.text))
    return {"objects": value} if isinstance(value, list) else value


def _fenced_text(text: str) -> str:
    """Return the content of the first fenced block in a text, or the whole text if there is none."""
    _, opening, rest = text.partition(_FENCE)
    content, closing, _ = rest.partition(_FENCE)
    return content.removeprefix("json") if opening and closing else text


def _describe(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:10]) + "."
    return f"It is not valid JSON ({error})."
