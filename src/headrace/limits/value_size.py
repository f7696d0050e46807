"""Estimate the size of values of any type."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

#: The size of an object whose parts are not counted, in bytes.
OBJECT_BYTES = 64
#: The kinds of columns whose cells a table stores itself: numbers and times (numpy documentation, `dtype.kind`).
NUMERIC_KINDS = "biufcmM"
#: Parts of a value that are walked on the event loop: entries of lists and dictionaries, and cells. On a busy machine, a part
#: takes up to a microsecond.
MAX_LOOP_PARTS = 10_000
_CONTAINERS = (list, tuple, set, frozenset)


def value_size(value: object, limit: int) -> int:
    """Return about the bytes that a value takes, or a number above `limit` as soon as it exceeds that.

    An object that occurs several times counts each time, because a copy and the JSON of the value contain it as often.
    The time is proportional to the size, and therefore bounded by `limit`.
    """
    size = size_of_few_parts(value, limit, sys.maxsize)
    return limit + 1 if size is None else size


def size_of_few_parts(value: object, limit: int, max_parts: int = MAX_LOOP_PARTS) -> int | None:
    """Return the size of a value like `value_size`, or None if it has more than `max_parts` parts.

    The time is proportional to `max_parts`. Other threads may change the value meanwhile.
    """
    total = parts = 0
    pending: list[Any] = [value]
    while pending and total <= limit:
        item = pending.pop()
        kind = type(item)
        if kind is str or kind is bytes or kind is int or kind is float:
            total += sys.getsizeof(item)
            continue
        if isinstance(item, dict):
            parts += len(item)
            if parts > max_parts:
                return None
            # The keys of records are usually shared, so that only their place in JSON counts.
            total += sys.getsizeof(item) + sum(len(key) if type(key) is str else OBJECT_BYTES for key in list(item))
            pending.extend(item.values())
        elif isinstance(item, _CONTAINERS):
            parts += len(item)
            if parts > max_parts:
                return None
            total += sys.getsizeof(item)
            pending.extend(item)
        elif isinstance(item, BaseModel):
            total += OBJECT_BYTES
            pending.extend(vars(item).values())
        elif _is_table(item):
            parts += _object_cells(item)
            if parts > max_parts:
                return None
            total += _add_table(item, pending)
        else:
            total += OBJECT_BYTES
    return total


def _is_table(value: object) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def _object_columns(table: Any) -> Iterable[Any]:
    return (column for _, column in table.items() if column.dtype.kind not in NUMERIC_KINDS)


def _object_cells(table: Any) -> int:
    """Return the number of cells of a table whose objects it does not store itself."""
    return sum(len(column) for column in _object_columns(table))


def _add_table(table: Any, pending: list[Any]) -> int:
    """Return the size of a table without the objects in its cells, which are added to `pending`."""
    for column in _object_columns(table):
        pending.extend(column.tolist())
    return int(table.memory_usage(index=True, deep=False).sum())
