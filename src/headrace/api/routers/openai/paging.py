"""The query parameters of lists."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from headrace.formats.openai.pages import Order, PageRequest

#: The number of objects in a page, by default and at most.
DEFAULT_LIMIT = 20
MAX_LIMIT = 100


async def _paging(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    order: Order = "desc",
    after: Annotated[str | None, Query(max_length=1024)] = None,
    include: Annotated[list[str] | None, Query(max_length=100, description="Accepted; lists are complete.")] = None,
) -> PageRequest:
    return PageRequest(limit, order, after)


Paging = Annotated[PageRequest, Depends(_paging)]
