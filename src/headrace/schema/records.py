"""Convert the value of any port to records or text, without importing pandas."""

from __future__ import annotations

from typing import Any

from headrace.errors import HeadraceError
from headrace.limits.byte_budget import current_budget
from headrace.schema.data import Data
from headrace.schema.json_text import fenced_json
from headrace.schema.markdown import markdown_table
from headrace.schema.message import Message
from headrace.schema.text_size import join_texts

#: The size of a record without its values and of a reference to a value in a record, in bytes.
RECORD_BYTES = 64
CELL_BYTES = 40


class NotARecordError(HeadraceError):
    """A value is neither a record nor a table."""

    def __init__(self, value: object) -> None:
        super().__init__(f"{type(value).__name__} is neither a record nor a table. Connect Data or a DataFrame.")


def is_table(value: object) -> bool:
    """Return whether a value is a pandas table."""
    return hasattr(value, "to_dict") and hasattr(value, "columns")


def records_of(value: Any) -> list[dict[str, Any]]:
    """Return the rows of a table, the records in a list, or a single record, as dicts. An empty value has no records.

    Raises:
        NotARecordError: the value is none of these.

    """
    if value is None or (isinstance(value, str) and not value):
        return []
    if isinstance(value, list):
        return _records_of_items(value)
    if is_table(value):
        current_budget.get().check(value.size * CELL_BYTES + len(value) * RECORD_BYTES, "The list of records")
        return list(value.to_dict(orient="records"))
    if isinstance(value, Message):
        return [{"text": value.text}]
    if isinstance(value, Data):
        return [dict(value.data)]
    if isinstance(value, dict):
        return [value]
    raise NotARecordError(value)


def _records_of_items(items: list[Any]) -> list[dict[str, Any]]:
    """Return the records of all items. The same table may occur many times among them."""
    budget = current_budget.get()
    records: list[dict[str, Any]] = []
    size = 0
    for item in items:
        added = records_of(item)
        records += added
        size += sum(RECORD_BYTES + CELL_BYTES * len(record) for record in added)
        if size > budget.limits.value:
            budget.check(size, "The list of records")
    return records


def as_text(value: Any) -> str:
    """Return a value as text: a record as a fenced block of JSON, a table as padded Markdown."""
    if isinstance(value, Message):
        return value.text
    if isinstance(value, Data):
        return fenced_json(value.data)
    if isinstance(value, list):
        return join_texts((as_text(item) for item in value), "\n")
    if is_table(value):
        return markdown_table(list(value.columns), value.values)
    return str(value)
