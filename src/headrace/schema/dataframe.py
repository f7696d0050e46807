"""`DataFrame`: a pandas table of records. Importing this module imports pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pandas

from headrace.schema.data import Data
from headrace.schema.message import Message
from headrace.schema.records import as_text
from headrace.schema.table_size import check_cells

if TYPE_CHECKING:
    from langchain_core.documents import Document


class DataFrame(pandas.DataFrame):  # type: ignore[misc]
    """A pandas table that converts from and to records, messages and documents."""

    #: Attributes that pandas copies to tables derived from this one.
    _metadata = ["text_key", "default_value"]

    def __init__(
        self, data: Any = None, *args: Any, text_key: str = "text", default_value: str | None = "", **kwargs: Any
    ) -> None:
        """Create a table.

        Args:
            data: records, or data that `pandas.DataFrame` accepts.
            args: more arguments of `pandas.DataFrame`.
            text_key: the column that represents a row as text.
            default_value: the text of rows without this column.
            kwargs: more arguments of `pandas.DataFrame`.

        Raises:
            TableTooLargeError: the table would have more than `MAX_TABLE_CELLS` cells.

        """
        if isinstance(data, Data):
            data = [data]
        if isinstance(data, list) and data and all(isinstance(row, Data) for row in data):
            data = [row.data for row in data]
        check_cells(data)
        super().__init__(data, *args, **kwargs)
        self.text_key = text_key
        self.default_value = default_value

    @property
    def _constructor(self) -> type[DataFrame]:
        return DataFrame

    def add_row(self, data: dict[str, Any] | Data) -> Self:
        """Return a table with a row appended."""
        return self.add_rows([data])

    def add_rows(self, data: list[dict[str, Any] | Data]) -> Self:
        """Return a table with rows appended."""
        rows = [row.data if isinstance(row, Data) else row for row in data]
        return pandas.concat([self, DataFrame(rows)], ignore_index=True)  # type: ignore[no-any-return]

    def to_data(self) -> Data:
        """Return a record with all rows as the entry `results`."""
        return Data(data={"results": self.to_dict(orient="records")})

    def to_data_list(self) -> list[Data]:
        """Return a record for each row."""
        options = {"text_key": self.text_key, "default_value": self.default_value}
        return [Data(data=row, **options) for row in self.to_dict(orient="records")]

    def to_lc_documents(self) -> list[Document]:
        """Return a LangChain document for each row, with the other columns as metadata."""
        return [data.to_lc_document() for data in self.to_data_list()]

    def to_message(self) -> Message:
        """Return the table as Markdown."""
        return Message(text=as_text(self))
