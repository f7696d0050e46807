"""The maximum size of tables."""

from __future__ import annotations

from headrace.errors import UnprocessableError

#: Maximum number of cells in a table of records. Records with different names make a table that is much larger than they are.
MAX_TABLE_CELLS = 10_000_000


class TableTooLargeError(UnprocessableError):
    """A table would have too many cells."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__(
            f"A table of {rows} records with {columns} different names has more than {MAX_TABLE_CELLS} cells. Use the same "
            "names in all records."
        )


def check_cells(rows: object) -> None:
    """Check that a list of records makes a table of at most `MAX_TABLE_CELLS` cells. Any other value is accepted.

    Raises:
        TableTooLargeError: the table would be larger.

    """
    if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict):
        return
    columns = {name for row in rows if isinstance(row, dict) for name in row}
    if len(rows) * len(columns) > MAX_TABLE_CELLS:
        raise TableTooLargeError(len(rows), len(columns))
