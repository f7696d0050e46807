"""References in a request to the output items of stored responses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

import orjson

from headrace.db import responses
from headrace.formats.openai.errors import ParameterError
from headrace.formats.openai.response_events import response_of_item
from headrace.formats.openai.response_items import InputItem
from headrace.limits.byte_budget import readable_size
from headrace.limits.large_values import call_off_loop

if TYPE_CHECKING:
    from headrace.db.database import Database
    from headrace.formats.openai.response_request import ResponseRequest
    from headrace.runs.runner import Runner

#: The maximum number of references in a request.
MAX_REFERENCES = 100


class ItemReferences:
    """Replaces references in requests by the items that they stand for."""

    def __init__(self, database: Database, runner: Runner, max_bytes: int) -> None:
        """Create the service.

        Args:
            database: stores the responses.
            runner: counts the bytes of the items while they are read.
            max_bytes: the maximum size of the responses that contain the items of a request.

        """
        self._database = database
        self._runner = runner
        self._max_bytes = max_bytes

    async def resolve(self, owner: UUID, request: ResponseRequest) -> ResponseRequest:
        """Return a request with the output items of the owner's stored responses in place of references to them.

        Raises:
            ParameterError: An item is not stored or is referenced twice, or the request references too much.

        """
        references = request.item_references()
        if not references:
            return request
        _check_references(references)
        items = await self._find(owner, references.values())
        for n, item_id in references.items():
            if item_id not in items:
                raise ParameterError(
                    f"input[{n}].id",
                    f"Item with id '{item_id}' not found. Only the output items of stored responses can be referenced.",
                )
        return request.with_items({n: items[item_id] for n, item_id in references.items()})

    async def _find(self, owner: UUID, item_ids: Iterable[str]) -> dict[str, InputItem]:
        wanted = frozenset(item_ids)
        response_ids = sorted({response_of_item(item_id) for item_id in wanted})
        with self._runner.open_budget(owner) as budget:
            async with self._database.connect() as connection:
                size = await responses.size_of_bodies(connection, owner, response_ids)
                if size > self._max_bytes:
                    raise ParameterError(
                        "input",
                        f"The responses with the referenced items take {readable_size(size)}; at most "
                        f"{readable_size(self._max_bytes)} are allowed. Reference fewer items, or ask an operator to raise "
                        "HEADRACE_MAX_REQUEST_BYTES.",
                    )
                budget.hold_response(size, "The referenced items")
                bodies = await responses.read_bodies(connection, owner, response_ids)
            return await call_off_loop(size, _items_of, bodies, wanted)


def _check_references(references: dict[int, str]) -> None:
    if len(references) > MAX_REFERENCES:
        raise ParameterError(
            "input",
            f"'input' has {len(references)} references to items; at most {MAX_REFERENCES} are allowed. Continue a response "
            "with 'previous_response_id' instead.",
        )
    seen: set[str] = set()
    for n, item_id in references.items():
        if item_id in seen:
            raise ParameterError(f"input[{n}].id", f"Item '{item_id}' is referenced twice. Reference it once.")
        seen.add(item_id)


def _items_of(bodies: Iterable[str], item_ids: frozenset[str]) -> dict[str, InputItem]:
    """Return the items with these ids in the JSON of responses."""
    return {
        item["id"]: InputItem.model_validate(item)
        for body in bodies
        for item in orjson.loads(body)["output"]
        if item["id"] in item_ids
    }
