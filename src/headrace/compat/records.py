"""Records and texts, as components turn one into the other."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from headrace.component.tools import text_of
from headrace.schema import Data, Message
from headrace.schema.records import is_table, records_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_core.documents import Document

    from headrace.schema.dataframe import DataFrame


def data_to_text_list(template: str, data: Data | list[Data]) -> tuple[list[str], list[Data]]:
    """Return a text for each record, its values put into `{names}`, and the records. `{data}` is the whole record."""
    records = data if isinstance(data, list) else [data]
    return [_filled(template, record) for record in records], records


def data_to_text(template: str, data: Data | list[Data], sep: str = "\n") -> str:
    """Return the texts of the records, one after the other."""
    return sep.join(data_to_text_list(template, data)[0])


def _filled(template: str, record: Data) -> str:
    text = template
    # Names alone: a template reaches no attribute of a value.
    for name, value in {**record.data, "text": record.get_text(), "data": record.data}.items():
        text = text.replace("{" + str(name) + "}", str(value))
    return text


def docs_to_data(documents: Iterable[Document]) -> list[Data]:
    """Return LangChain's documents as records: the text and the metadata."""
    return [Data(data={"text": d.page_content, **d.metadata}) for d in documents]


def safe_convert(value: Any, *, clean_data: bool = False) -> str:
    """Return any port's value as text."""
    text = text_of(value)
    return "\n".join(line for line in text.splitlines() if line.strip()) if clean_data else text


def convert_to_data(v: Any, *, auto_parse: bool = False) -> Data:
    """Return any port's value as one record; with `auto_parse`, a text that is JSON as what it says."""
    if isinstance(v, Data) and not isinstance(v, Message):
        return v
    if is_table(v):
        return Data(data={"results": records_of(v)})
    if isinstance(v, Message) and auto_parse:
        with contextlib.suppress(ValueError):
            found = json.loads(v.text)
            return Data(data=found if isinstance(found, dict) else {"results": found})
    return v.to_data() if isinstance(v, Message) else Data(data=dict(v))


def convert_to_dataframe(v: Any, *, auto_parse: bool = False) -> DataFrame:
    """Return any port's value as a table."""
    from headrace.schema.table import dataframe

    return dataframe(records_of(v)) if is_table(v) else convert_to_data(v, auto_parse=auto_parse).to_dataframe()


def chroma_collection_to_data(collection_dict: dict[str, Any]) -> list[Data]:
    """Return what a Chroma collection's `get` gives as records."""
    names = collection_dict.get("ids", [])
    texts = collection_dict.get("documents") or [""] * len(names)
    rest = collection_dict.get("metadatas") or [None] * len(names)
    return [
        Data(data={"id": i, "text": text, **(metadata or {})})
        for i, text, metadata in zip(names, texts, rest, strict=True)
    ]


def records_from(data: Any, keys: list[str] | None, *, silent: bool) -> list[Data]:
    """Return objects as records: their fields, those among `keys` alone where some are named.

    Raises:
        ValueError: an object lacks one of the keys, unless that is to be silent.

    """
    records: list[Data] = []
    for item in data if isinstance(data, (list, tuple)) else [data]:
        fields = _fields_of(item)
        if keys and not silent and (missing := [k for k in keys if k not in fields]):
            raise ValueError(f"{type(item).__name__} has no {', '.join(missing)}.")
        records.append(Data(data={k: v for k, v in fields.items() if not keys or k in keys}))
    return records


def _fields_of(item: Any) -> dict[str, Any]:
    if isinstance(item, Data) or is_table(item) or isinstance(item, dict):
        return records_of(item)[0]
    if hasattr(item, "model_dump"):
        return dict(item.model_dump())
    return dict(getattr(item, "__dict__", {"text": str(item)}))
