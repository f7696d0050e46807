"""Records and texts, as components turn one into the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.component.tools import text_of
from headrace.schema import Data

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_core.documents import Document


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
