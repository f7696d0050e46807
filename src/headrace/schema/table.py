"""Create tables. pandas is imported with the first one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace.schema.data import Data
    from headrace.schema.dataframe import DataFrame


class MissingPandasError(HeadraceError):
    """A table cannot be created because pandas is not installed."""

    def __init__(self) -> None:
        super().__init__("Tables need the package pandas. Install it with: pip install 'headrace[pandas]'")


def dataframe(rows: Iterable[Data | dict[str, Any]]) -> DataFrame:
    """Return a table with a row for each record.

    Raises:
        MissingPandasError: the extra `pandas` is not installed.
        TableTooLargeError: the table would have more than `MAX_TABLE_CELLS` cells.

    """
    try:
        from headrace.schema.dataframe import DataFrame
    except ModuleNotFoundError as error:
        raise MissingPandasError from error
    return DataFrame([row if isinstance(row, dict) else row.data for row in rows])
