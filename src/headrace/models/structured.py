"""Answers in a form that was asked for: the model fills in a schema, and is told what doesn't fit until it does."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError, create_model

from headrace.models.provider import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage

#: The columns of the table that describes a schema, as editors show it.
SCHEMA_COLUMNS = [
    {
        "name": "name",
        "display_name": "Name",
        "type": "str",
        "description": "What the field is called.",
        "default": "field",
        "edit_mode": "inline",
    },
    {
        "name": "description",
        "display_name": "Description",
        "type": "str",
        "description": "What it is for.",
        "default": "description of field",
        "edit_mode": "popover",
    },
    {
        "name": "type",
        "display_name": "Type",
        "type": "str",
        "edit_mode": "inline",
        "description": "What it holds.",
        "options": ["str", "int", "float", "bool", "dict"],
        "default": "str",
    },
    {
        "name": "multiple",
        "display_name": "As List",
        "type": "boolean",
        "description": "Whether it holds several.",
        "default": "False",
        "edit_mode": "inline",
    },
]

#: So often the model is told what is wrong.
REPAIRS = 2

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
_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)


def schema_of(rows: Iterable[Mapping[str, Any]], name: str = "Answer") -> type[BaseModel]:
    """Return the schema that a table describes: a row a field, with `name`, `description`, `type` and `multiple`.

    Raises:
        ModelError: a row has no name, a type that isn't known, or there is no row.

    """
    fields: dict[str, Any] = {}
    for row in rows:
        field, kind = str(row.get("name") or "").strip(), str(row.get("type") or "str").lower()
        if not field:
            raise ModelError("A row of the output schema has no name.")
        if kind not in _TYPES:
            raise ModelError(f"The field {field!r} has the type {kind!r}. Choose one of str, int, float, bool, dict.")
        many = row.get("multiple") is True or str(row.get("multiple")).lower() == "true"
        single: Any = _TYPES[kind]
        fields[field] = (list[single] if many else single, Field(description=str(row.get("description") or field)))
    if not fields:
        raise ModelError("The output schema is empty. Add a row for each field.")
    return create_model(re.sub(r"\W+", "_", name).strip("_") or "Answer", **fields)


async def fill_in(model: BaseChatModel, messages: list[BaseMessage], schema: type[BaseModel]) -> list[dict[str, Any]]:
    """Return the objects that a model finds, each as `schema` has it.

    A model that can call tools is made to call one with the schema for its arguments; another is asked for JSON.

    Raises:
        ModelError: what the model gives does not fit after so many tries; says what is wrong.

    """
    from langchain_core.messages import HumanMessage

    wanted = create_model(
        f"{schema.__name__}List",
        objects=(list[schema], Field(description="All that is found.")),  # type: ignore[valid-type]
    )
    conversation = list(messages)
    try:
        asking: Any = model.bind_tools([wanted], tool_choice=wanted.__name__)
    except NotImplementedError:
        asking = model
        form = json.dumps(wanted.model_json_schema())
        conversation.append(HumanMessage(f"Answer with JSON alone, in the form of this JSON schema: {form}"))
    problem = ""
    for _ in range(1 + REPAIRS):
        answer = await asking.ainvoke(conversation)
        try:
            return [one.model_dump() for one in wanted.model_validate(_given(answer)).objects]  # type: ignore[attr-defined]
        except (ValidationError, ValueError) as error:
            problem = _told(error)
            conversation += [
                *_before(answer),
                HumanMessage(f"That does not fit: {problem} Give all of it again, mended."),
            ]
    raise ModelError(f"The model's answer does not fit the schema: {problem}")


def _given(answer: AIMessage) -> Any:
    if answer.tool_calls:
        return answer.tool_calls[0]["args"]
    text = str(answer.text)
    fenced = _FENCE.search(text)
    found = json.loads(fenced[1] if fenced else text)
    return {"objects": found} if isinstance(found, list) else found


def _before(answer: AIMessage) -> list[BaseMessage]:
    """Return an answer as it stands in a conversation that goes on, its calls answered."""
    from langchain_core.messages import ToolMessage

    return [answer, *(ToolMessage("Not taken.", tool_call_id=call["id"] or "") for call in answer.tool_calls)]


def _told(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:10]) + "."
    return f"It is no JSON ({error})."
