"""Pages of a list, as the OpenAI API returns them. Source: OpenAI's API reference, "Pagination"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from headrace.formats.openai.errors import ParameterError

Order = Literal["asc", "desc"]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for at most `limit` objects behind the object `after`."""

    limit: int
    order: Order
    after: str | None = None


def page_of(objects: Sequence[dict[str, Any]], request: PageRequest) -> dict[str, Any]:
    """Return a page of objects that are in ascending order.

    Raises:
        ParameterError: `after` is not the id of one of the objects.

    """
    ordered = list(objects) if request.order == "asc" else list(objects)[::-1]
    if request.after is not None:
        position = next((n for n, item in enumerate(ordered) if item["id"] == request.after), None)
        if position is None:
            raise ParameterError("after", f"'after' is not the id of an object in this list: '{request.after}'.")
        ordered = ordered[position + 1 :]
    return page(ordered[: request.limit], has_more=len(ordered) > request.limit)


def page(objects: Sequence[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """Return a list object."""
    return {
        "object": "list",
        "data": list(objects),
        "first_id": objects[0]["id"] if objects else None,
        "last_id": objects[-1]["id"] if objects else None,
        "has_more": has_more,
    }
