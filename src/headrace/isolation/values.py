"""Ports' values as JSON and back: texts, numbers, records, messages, tables; what is no value goes by reference.

A tagged value is an object with the one key `~`, whose first element names its kind. Nothing is unpickled.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from headrace.errors import HeadraceError
from headrace.schema import Data, Message
from headrace.schema.records import is_table

_TAG = "~"
#: Values within one another, at most.
DEEPEST = 200
#: JSON's writer takes 64 bits.
_LARGEST_NUMBER = 1 << 63

#: Turns an object that is no value into the rest of a tag, or returns None where it cannot go by reference either.
Refer = Callable[[object], list[Any] | None]
#: Turns the rest of a tag of a reference into an object.
Resolve = Callable[[list[Any]], Any]


class NoValueError(HeadraceError):
    """Something cannot go to isolated code, or come from it."""

    def __init__(self, value: object) -> None:
        super().__init__(
            f"A {type(value).__name__} cannot go to or from isolated code. Texts, numbers, Data, Message, DataFrame, models, "
            "embeddings and tools can; HEADRACE_CODE_ISOLATION says where code runs."
        )


def to_json(value: object, refer: Refer, depth: int = 0) -> Any:
    """Return a value as JSON.

    Args:
        value: any port's value.
        refer: says how an object that is no value is spoken of.
        depth: how many values this one is in.

    Raises:
        NoValueError: it is no value, and cannot be spoken of.

    """
    if value is None or value is True or value is False or type(value) is str:
        return value
    if type(value) is int and -_LARGEST_NUMBER < value < _LARGEST_NUMBER:
        return value
    if depth > DEEPEST:
        raise NoValueError(value)
    inner = depth + 1
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {_TAG: ["float", repr(float(value))]}
    if isinstance(value, dict):
        if all(type(k) is str for k in value) and _TAG not in value:
            return {k: to_json(v, refer, inner) for k, v in value.items()}
        return {_TAG: ["dict", [[to_json(k, refer, inner), to_json(v, refer, inner)] for k, v in value.items()]]}
    if isinstance(value, list):
        return [to_json(v, refer, inner) for v in value]
    if isinstance(value, (tuple, set, frozenset)):
        return {_TAG: [type(value).__name__, [to_json(v, refer, inner) for v in value]]}
    plain = _plain(value, refer, inner)
    if plain is None:
        plain = refer(value)
    if plain is None:
        raise NoValueError(value)
    return {_TAG: plain}


def _plain(value: object, refer: Refer, depth: int) -> list[Any] | None:
    """Return the tag of a value of one of the known classes."""
    if isinstance(value, Message):
        if value.stream is not None:
            return None
        body = value.model_dump(mode="python", exclude={"stream", "data"})
        return ["Message", to_json(body, refer, depth), to_json(value.data, refer, depth)]
    if isinstance(value, Data):
        return ["Data", value.text_key, to_json(value.data, refer, depth), to_json(value.default_value, refer, depth)]
    if is_table(value):
        return ["DataFrame", *_table(value, refer, depth)]
    if isinstance(value, (bytes, bytearray)):
        return ["bytes", base64.b64encode(value).decode()]
    if isinstance(value, (datetime, date)):
        return [type(value).__name__ if type(value) is date else "datetime", value.isoformat()]
    for known in (Decimal, UUID, Path):
        if isinstance(value, known):
            return [known.__name__, str(value)]
    if isinstance(value, str):
        # An enumeration's member, say: its text is what a flow goes by.
        return ["str", str.__str__(value)]
    if isinstance(value, int):
        return ["int", str(int(value))]
    return _from_libraries(value, refer, depth)


def _from_libraries(value: object, refer: Refer, depth: int) -> list[Any] | None:
    root = type(value).__module__.partition(".")[0]
    if root == "numpy" and hasattr(value, "tolist"):
        return ["plain", to_json(value.tolist(), refer, depth)]
    if root == "langchain_core":
        from langchain_core.documents import Document

        if isinstance(value, Document):
            return ["Document", value.page_content, to_json(value.metadata, refer, depth)]
    return None


def _table(table: Any, refer: Refer, depth: int) -> list[Any]:
    columns = [
        [to_json(name, refer, depth), str(column.dtype), [_cell(v, refer, depth) for v in column.tolist()]]
        for name, column in table.items()
    ]
    return [columns, None if _counts_up(table.index) else to_json(table.index.tolist(), refer, depth)]


def _cell(value: Any, refer: Refer, depth: int) -> Any:
    # pandas' marks of what is missing: not a time, not available.
    return None if type(value).__name__ in ("NaTType", "NAType") else to_json(value, refer, depth)


def _counts_up(index: Any) -> bool:
    return type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1


def from_json(raw: Any, resolve: Resolve) -> Any:
    """Return the value that `to_json` wrote.

    Args:
        raw: its JSON.
        resolve: finds what is spoken of by reference.

    Raises:
        ValueError: it is nothing that `to_json` writes.

    """
    if isinstance(raw, list):
        return [from_json(v, resolve) for v in raw]
    if not isinstance(raw, dict):
        return raw
    if _TAG not in raw:
        return {k: from_json(v, resolve) for k, v in raw.items()}
    kind, *rest = raw[_TAG]
    maker = _MAKERS.get(kind)
    return maker(rest, resolve) if maker is not None else resolve([kind, *rest])


def _message(rest: list[Any], resolve: Resolve) -> Message:
    return Message(**{**from_json(rest[0], resolve), "data": from_json(rest[1], resolve)})


def _data(rest: list[Any], resolve: Resolve) -> Data:
    return Data(text_key=rest[0], data=from_json(rest[1], resolve), default_value=from_json(rest[2], resolve))


def _dataframe(rest: list[Any], resolve: Resolve) -> Any:
    import pandas

    columns, index = rest
    table = _frame({from_json(n, resolve): from_json(cells, resolve) for n, _, cells in columns})
    if index is not None:
        table.index = from_json(index, resolve)
    for name, kind, _ in columns:
        label = from_json(name, resolve)
        if str(table[label].dtype) != kind and kind.startswith(("int", "float", "datetime", "bool", "timedelta")):
            table[label] = (
                pandas.to_datetime(table[label]) if kind.startswith("datetime") else table[label].astype(kind)
            )
    return table


def _frame(columns: dict[Any, list[Any]]) -> Any:
    """Return a table as components know it."""
    from headrace.schema.dataframe import DataFrame

    return DataFrame(columns)


def _document(rest: list[Any], resolve: Resolve) -> Any:
    from langchain_core.documents import Document

    return Document(page_content=rest[0], metadata=from_json(rest[1], resolve))


_MAKERS: dict[str, Callable[[list[Any], Resolve], Any]] = {
    "Message": _message,
    "Data": _data,
    "DataFrame": _dataframe,
    "Document": _document,
    "dict": lambda rest, resolve: {_key(from_json(k, resolve)): from_json(v, resolve) for k, v in rest[0]},
    "tuple": lambda rest, resolve: tuple(from_json(rest[0], resolve)),
    "set": lambda rest, resolve: set(from_json(rest[0], resolve)),
    "frozenset": lambda rest, resolve: frozenset(from_json(rest[0], resolve)),
    "bytes": lambda rest, _: base64.b64decode(rest[0]),
    "float": lambda rest, _: float(rest[0]),
    "datetime": lambda rest, _: datetime.fromisoformat(rest[0]),
    "date": lambda rest, _: date.fromisoformat(rest[0]),
    "Decimal": lambda rest, _: Decimal(rest[0]),
    "UUID": lambda rest, _: UUID(rest[0]),
    "Path": lambda rest, _: Path(rest[0]),
    "str": lambda rest, _: str(rest[0]),
    "int": lambda rest, _: int(rest[0]),
    "plain": lambda rest, resolve: from_json(rest[0], resolve),
}


def _key(key: Any) -> Any:
    return tuple(key) if isinstance(key, list) else key
