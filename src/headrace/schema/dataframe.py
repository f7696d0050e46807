"""`DataFrame`: rows of `Data` as a pandas table. Importing this module imports pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pandas

from headrace.schema.data import Data
from headrace.schema.message import Message
from headrace.schema.records import as_text

if TYPE_CHECKING:
    from langchain_core.documents import Document


class DataFrame(pandas.DataFrame):  # type: ignore[misc]
    """A pandas table that is made of records, too, and gives them back."""

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        if isinstance(data, Data):
            data = [data]
        if isinstance(data, list) and data and all(isinstance(row, Data) for row in data):
            data = [row.data for row in data]
        super().__init__(data, *args, **kwargs)

    @property
    def _constructor(self) -> type[DataFrame]:
        return DataFrame

    def add_row(self, data: dict[str, Any] | Data) -> Self:
        """Return the table with one more row."""
        return self.add_rows([data])

    def add_rows(self, data: list[dict[str, Any] | Data]) -> Self:
        """Return the table with more rows."""
        rows = [row.data if isinstance(row, Data) else row for row in data]
        return pandas.concat([self, DataFrame(rows)], ignore_index=True)  # type: ignore[no-any-return]

    def to_data(self) -> Data:
        """Return all rows as one record, under `results`."""
        return Data(data={"results": self.to_dict(orient="records")})

    def to_data_list(self) -> list[Data]:
        """Return a record for each row."""
        return [Data(data=row) for row in self.to_dict(orient="records")]

    def to_lc_documents(self) -> list[Document]:
        """Return a LangChain document for each row: its text, and the rest as metadata."""
        return [data.to_lc_document() for data in self.to_data_list()]

    def to_message(self) -> Message:
        """Return the table as Markdown."""
        return Message(text=as_text(self))
