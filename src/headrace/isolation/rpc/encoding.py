"""Encode values of ports as JSON, for messages between the server and a worker. `decoding` decodes them.

`None`, booleans, strings, finite floats, integers of up to 64 bits, lists, and dicts with string keys are written as the same
JSON. Any other value is a tag: an object with the single key `~` and a list of a kind and its operands. In the table, `…`
stands for an encoded value.

    =============================== ===================================================================================
    `["dict", [[…, …], …]]`         A dict with keys that are not strings, or with a key `~`: pairs of key and value.
    `["tuple", […]]`                Also `set` and `frozenset`.
    `["int", "123"]`                An integer beyond 64 bits, or of a subclass.
    `["float", "inf"]`              A float that is not finite.
    `["str", "text"]`               A string of a subclass, such as a member of an enumeration.
    `["bytes", "…"]`                Base64.
    `["datetime", "…"]`, `["date"]` ISO 8601.
    `["Decimal", "…"]`              Also `UUID` and `Path`.
    `["Message", …, …]`             The fields of a message and its `data`.
    `["Data", key, …, …]`           Text key, data and default value.
    `["DataFrame", columns, index]` Columns as lists of name, dtype and cells; the index is null if it counts up from 0.
    `["Document", text, …]`         A LangChain document: page content and metadata.
    `["plain", …]`                  A NumPy array or number, decoded as a list or number.
    =============================== ===================================================================================

Any other kind is a reference to an object, which the caller's `Refer` function writes; see `object_table`.
"""

from __future__ import annotations

import asyncio
import base64
import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from headrace.errors import HeadraceError
from headrace.limits.large_values import is_large
from headrace.schema import Data, Message
from headrace.schema.records import is_table

#: The key of an object that stands for a value which is not JSON.
TAG = "~"
#: Nested lists, dicts and other containers in a value.
MAX_DEPTH = 200
#: orjson writes integers whose absolute value is smaller than this.
_INTEGER_LIMIT = 1 << 63

#: Returns kind and operands of a reference to an object, or None if the object cannot be referenced.
Refer = Callable[[object], list[Any] | None]


class UnsupportedValueError(HeadraceError):
    """A value cannot be sent to or from isolated code."""

    def __init__(self, value: object) -> None:
        super().__init__(
            f"A value of class {type(value).__name__} cannot be sent to or from isolated code. Use text, numbers, Data, Message, "
            "DataFrame, models, embeddings or tools. HEADRACE_CODE_ISOLATION sets where code runs."
        )


def reject_references(_: object) -> list[Any] | None:
    """Refer to no object: `encode` raises UnsupportedValueError for objects that are not values."""
    return None


def encode_as_text(value: object) -> list[Any]:
    """Write an object that is not a value as its text, instead of a reference."""
    return ["str", str(value)]


def encode(value: object, refer: Refer, depth: int = 0) -> Any:
    """Return a value as JSON.

    Args:
        value: a value of a port.
        refer: writes a reference to an object that is not a value.
        depth: the number of containers around the value.

    Raises:
        UnsupportedValueError: the value, or a value in it, can be neither written nor referenced, or is nested too deeply.

    """
    if value is None or value is True or value is False or type(value) is str:
        return value
    if type(value) is int and -_INTEGER_LIMIT < value < _INTEGER_LIMIT:
        return value
    if depth > MAX_DEPTH:
        raise UnsupportedValueError(value)
    inner = depth + 1
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {TAG: ["float", repr(float(value))]}
    if isinstance(value, dict):
        if all(type(k) is str for k in value) and TAG not in value:
            return {k: encode(v, refer, inner) for k, v in value.items()}
        return {TAG: ["dict", [[encode(k, refer, inner), encode(v, refer, inner)] for k, v in value.items()]]}
    if isinstance(value, list):
        return [encode(v, refer, inner) for v in value]
    if isinstance(value, (tuple, set, frozenset)):
        return {TAG: [type(value).__name__, [encode(v, refer, inner) for v in value]]}
    tag = _encode_object(value, refer, inner)
    if tag is None:
        tag = refer(value)
    if tag is None:
        raise UnsupportedValueError(value)
    return {TAG: tag}


async def encode_large(value: object, refer: Refer = reject_references) -> Any:
    """Return a value as JSON, as `encode`, in a thread if it is large, so that the event loop does other work meanwhile."""
    return await asyncio.to_thread(encode, value, refer) if is_large(value) else encode(value, refer)


def _encode_object(value: object, refer: Refer, depth: int) -> list[Any] | None:
    """Return kind and operands of a value of a known class, or None for other objects."""
    if isinstance(value, Message):
        if value.stream is not None:
            return None
        body = value.model_dump(mode="python", exclude={"stream", "data"})
        return ["Message", encode(body, refer, depth), encode(value.data, refer, depth)]
    if isinstance(value, Data):
        return ["Data", value.text_key, encode(value.data, refer, depth), encode(value.default_value, refer, depth)]
    if is_table(value):
        return ["DataFrame", *_encode_table(value, refer, depth)]
    if isinstance(value, (bytes, bytearray)):
        return ["bytes", base64.b64encode(value).decode()]
    if isinstance(value, (datetime, date)):
        return [type(value).__name__ if type(value) is date else "datetime", value.isoformat()]
    for known in (Decimal, UUID, Path):
        if isinstance(value, known):
            return [known.__name__, str(value)]
    if isinstance(value, str):
        # A member of an enumeration, for example. Its `__str__` may differ from its value.
        return ["str", str.__str__(value)]
    if isinstance(value, int):
        return ["int", str(int(value))]
    return _encode_library_object(value, refer, depth)


def _encode_library_object(value: object, refer: Refer, depth: int) -> list[Any] | None:
    root = type(value).__module__.partition(".")[0]
    if root == "numpy" and hasattr(value, "tolist"):
        return ["plain", encode(value.tolist(), refer, depth)]
    if root == "langchain_core":
        from langchain_core.documents import Document

        if isinstance(value, Document):
            return ["Document", value.page_content, encode(value.metadata, refer, depth)]
    return None


def _encode_table(table: Any, refer: Refer, depth: int) -> list[Any]:
    columns = [
        [encode(name, refer, depth), str(column.dtype), [_encode_cell(v, refer, depth) for v in column.tolist()]]
        for name, column in table.items()
    ]
    return [columns, None if _is_default_index(table.index) else encode(table.index.tolist(), refer, depth)]


def _encode_cell(value: Any, refer: Refer, depth: int) -> Any:
    # pandas marks missing values with NaT (times) and NA.
    return None if type(value).__name__ in ("NaTType", "NAType") else encode(value, refer, depth)


def _is_default_index(index: Any) -> bool:
    return type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1
