"""Responses with long lists, which are encoded batch by batch while the client receives them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from headrace.db.row_batches import RowBatches


@dataclass(frozen=True, slots=True)
class JSONList:
    """Encodes rows as the items of a JSON array.

    Attributes:
        to_item: returns the item of a row.

    """

    to_item: Callable[[RowMapping], BaseModel]

    async def encode(self, batches: RowBatches) -> AsyncIterator[bytes]:
        """Yield the parts of the array."""
        separator = b"["
        async for rows in batches.read():
            if rows:
                yield separator + b",".join(self.to_item(row).model_dump_json().encode() for row in rows)
                separator = b","
        yield b"[]" if separator == b"[" else b"]"


def json_list_of(model: type[BaseModel]) -> JSONList:
    """Return an encoder of items of a model whose fields are columns of the row."""
    return JSONList(lambda row: model.model_validate(dict(row)))


async def json_object(fields: dict[str, bytes | AsyncIterator[bytes]]) -> AsyncIterator[bytes]:
    """Yield the parts of a JSON object.

    Args:
        fields: the encoded value, or its parts, by key.

    """
    separator = b"{"
    for key, value in fields.items():
        start = separator + orjson.dumps(key) + b":"
        separator = b","
        if isinstance(value, bytes):
            yield start + value
            continue
        yield start
        async for part in value:
            yield part
    yield b"{}" if separator == b"{" else b"}"


async def json_list_response(parts: AsyncIterator[bytes], *, is_small: bool) -> Response:
    """Return a response with a JSON text.

    Args:
        parts: the parts of the text.
        is_small: whether the text is sent at once.

    """
    options: dict[str, Any] = {"media_type": "application/json"}
    if is_small:
        return Response(b"".join([part async for part in parts]), **options)
    return StreamingResponse(parts, **options)
