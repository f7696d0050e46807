"""Functions by which component code converts between records, tables and texts."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from headrace.schema import Data, Message
from headrace.schema.records import as_text, is_table, records_of
from headrace.schema.text_size import check_text, join_texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_core.documents import Document

    from headrace.schema.dataframe import DataFrame


def data_to_text_list(template: str, data: Data | list[Data]) -> tuple[list[str], list[Data]]:
    """Return a text for each record, and the records.

    Args:
        template: the text, with `{name}` for an entry of the record and `{data}` for the whole record.
        data: one record or a list.

    """
    records = data if isinstance(data, list) else [data]
    return [_fill(template, record) for record in records], records


def data_to_text(template: str, data: Data | list[Data], sep: str = "\n") -> str:
    """Return the texts of the records, joined by `sep`; see `data_to_text_list`."""
    return join_texts(data_to_text_list(template, data)[0], sep)


def _fill(template: str, record: Data) -> str:
    text = template
    # Plain replacement: a template must not reach attributes of a value.
    for name, value in {**record.data, "text": record.get_text(), "data": record.data}.items():
        placeholder, replacement = "{" + str(name) + "}", str(value)
        check_text(len(text) + text.count(placeholder) * len(replacement), "The filled template")
        text = text.replace(placeholder, replacement)
    return text


def docs_to_data(documents: Iterable[Document]) -> list[Data]:
    """Return LangChain documents as records with their text and metadata."""
    return [Data(data={"text": d.page_content, **d.metadata}) for d in documents]


def safe_convert(value: Any, *, clean_data: bool = False) -> str:
    """Return the value of any port as text, with `clean_data` without blank lines."""
    text = as_text(value)
    return "\n".join(line for line in text.splitlines() if line.strip()) if clean_data else text


def convert_to_data(v: Any, *, auto_parse: bool = False) -> Data:
    """Return the value of any port as one record. With `auto_parse`, the JSON in a message is parsed."""
    if isinstance(v, Data) and not isinstance(v, Message):
        return v
    if is_table(v):
        return Data(data={"results": records_of(v)})
    if isinstance(v, Message) and auto_parse:
        with contextlib.suppress(ValueError):
            parsed = json.loads(v.text)
            return Data(data=parsed if isinstance(parsed, dict) else {"results": parsed})
    return v.to_data() if isinstance(v, Message) else Data(data=dict(v))


def convert_to_dataframe(v: Any, *, auto_parse: bool = False) -> DataFrame:
    """Return the value of any port as a table."""
    from headrace.schema.table import dataframe

    return dataframe(records_of(v)) if is_table(v) else convert_to_data(v, auto_parse=auto_parse).to_dataframe()


def chroma_collection_to_data(collection_dict: dict[str, Any]) -> list[Data]:
    """Return the result of a Chroma collection's `get` as records."""
    ids = collection_dict.get("ids", [])
    texts = collection_dict.get("documents") or [""] * len(ids)
    metadatas = collection_dict.get("metadatas") or [None] * len(ids)
    return [
        Data(data={"id": i, "text": text, **(metadata or {})})
        for i, text, metadata in zip(ids, texts, metadatas, strict=True)
    ]


def records_from(data: Any, keys: list[str] | None, *, silent: bool) -> list[Data]:
    """Return objects as records.

    Args:
        data: one object or a list.
        keys: the fields to include; None for all.
        silent: whether to ignore missing fields.

    Raises:
        ValueError: an object lacks one of the keys.

    """
    records: list[Data] = []
    for item in data if isinstance(data, (list, tuple)) else [data]:
        fields = _fields_of(item)
        if keys and not silent and (missing := [k for k in keys if k not in fields]):
            raise ValueError(f"{type(item).__name__} has no {', '.join(missing)}. Leave out these keys.")
        records.append(Data(data={k: v for k, v in fields.items() if not keys or k in keys}))
    return records


def _fields_of(item: Any) -> dict[str, Any]:
    if isinstance(item, Data) or is_table(item) or isinstance(item, dict):
        return records_of(item)[0]
    if hasattr(item, "model_dump"):
        return dict(item.model_dump())
    return dict(getattr(item, "__dict__", {"text": str(item)}))
