"""Bounded types for request bodies.

A list or map in a request body has a maximum length, and a list is rejected at its first invalid item, so that a small body
cannot cause a large error. Two limits hold for all bodies in addition: their size, and the number and nesting of the values in
JSON (`headrace.api.http.strict_json`). Texts without a limit of their own are bounded by the size of the body.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

T = TypeVar("T")

#: The maximum number of items of a list, or of entries of a map, without a smaller limit of its own.
MAX_ITEMS = 10_000

#: A list of at most `MAX_ITEMS` items.
BoundedList = Annotated[list[T], Field(max_length=MAX_ITEMS, fail_fast=True)]
#: A list of at most 1,000 items, such as ids.
ShortList = Annotated[list[T], Field(max_length=1000, fail_fast=True)]
#: A JSON object of at most `MAX_ITEMS` entries, whose values the endpoint interprets.
JsonObject = Annotated[dict[str, Any], Field(max_length=MAX_ITEMS)]
#: An id or a display name.
Identifier = Annotated[str, Field(max_length=1024)]

#: The maximum number of fields that a `ClosedModel` looks at.
MAX_FIELDS = 100


class ClosedModel(BaseModel):
    """A model that rejects unknown fields. pydantic reports each of them, so their number is checked first."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _check_field_count(cls, value: Any) -> Any:
        if isinstance(value, dict) and len(value) > MAX_FIELDS:
            raise PydanticCustomError(
                "too_long", "Object should have at most {max_length} fields", {"max_length": MAX_FIELDS}
            )
        return value
