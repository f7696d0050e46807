"""Any port's value as records or as text, without knowing pandas."""

from __future__ import annotations

import json
from typing import Any

from headrace.errors import HeadraceError
from headrace.schema.data import Data
from headrace.schema.message import Message


class NoRecordError(HeadraceError):
    """A value is neither a record nor a table."""

    def __init__(self, value: object) -> None:
        super().__init__(f"{type(value).__name__} is neither a record nor a table. Connect a Data or a DataFrame.")


def is_table(value: object) -> bool:
    """Return whether a value is a pandas table."""
    return hasattr(value, "to_dict") and hasattr(value, "columns")


def records_of(value: Any) -> list[dict[str, Any]]:
    """Return the rows of a table, the records of a list, or the one record that a value is.

    Raises:
        NoRecordError: it is nothing of these.

    """
    if value is None or (isinstance(value, str) and not value):
        return []
    if isinstance(value, list):
        return [record for one in value for record in records_of(one)]
    if is_table(value):
        return list(value.to_dict(orient="records"))
    if isinstance(value, Message):
        return [{"text": value.text}]
    if isinstance(value, Data):
        return [dict(value.data)]
    if isinstance(value, dict):
        return [value]
    raise NoRecordError(value)


def as_text(value: Any) -> str:
    """Return a value as people read it: a text, a record as JSON, a table as Markdown."""
    if isinstance(value, Message):
        return value.text
    if isinstance(value, Data):
        return json.dumps(value.data, indent=2, ensure_ascii=False, default=str)
    if isinstance(value, list):
        return "\n".join(as_text(one) for one in value)
    if is_table(value):
        return _markdown([str(c) for c in value.columns], records_of(value))
    return str(value)


def _markdown(columns: list[str], rows: list[dict[str, Any]]) -> str:
    def line(cells: list[str]) -> str:
        return f"| {' | '.join(c.replace('|', chr(92) + '|').replace(chr(10), ' ') for c in cells)} |"

    body = [line([str(row.get(c, "")) for c in columns]) for row in rows]
    return "\n".join([line(columns), line(["---"] * len(columns)), *body])
