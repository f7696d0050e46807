"""Encodes rows for a driver exactly as SQLAlchemy binds them, without compiling a statement for each insert."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Dialect, Table

Row = Mapping[str, Any]


class RowEncoder:
    """Turns rows of one table into parameters in the order of `columns`."""

    def __init__(self, table: Table, dialect: Dialect) -> None:
        quote = dialect.identifier_preparer.quote
        self.table_name = quote(table.name)
        self.columns = ", ".join(quote(column.name) for column in table.columns)
        self._processors: list[tuple[str, Callable[[Any], Any] | None]] = [
            (column.name, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in table.columns
        ]

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self._processors)

    def encode(self, row: Row) -> list[Any]:
        """Return the parameters of a row; a column that the row lacks is NULL."""
        return [
            None if name not in row else row[name] if process is None else process(row[name])
            for name, process in self._processors
        ]
