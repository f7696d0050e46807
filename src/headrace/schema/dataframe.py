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

    #: What pandas carries on to the tables that it makes of this one.
    _metadata = ["text_key", "default_value"]

    def __init__(
        self, data: Any = None, *args: Any, text_key: str = "text", default_value: str | None = "", **kwargs: Any
    ) -> None:
        """Set up.

        Args:
            data: records, or whatever pandas makes a table of.
            args: as pandas takes them.
            text_key: the column that stands for a row where a text is needed.
            default_value: stands for a row that has none.
            kwargs: as pandas takes them.

        """
        if isinstance(data, Data):
            data = [data]
        if isinstance(data, list) and data and all(isinstance(row, Data) for row in data):
            data = [row.data for row in data]
        super().__init__(data, *args, **kwargs)
        self.text_key = text_key
        self.default_value = default_value

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
        told = {"text_key": self.text_key, "default_value": self.default_value}
        return [Data(data=row, **told) for row in self.to_dict(orient="records")]

    def to_lc_documents(self) -> list[Document]:
        """Return a LangChain document for each row: its text, and the rest as metadata."""
        return [data.to_lc_document() for data in self.to_data_list()]

    def to_message(self) -> Message:
        """Return the table as Markdown."""
        return Message(text=as_text(self))
