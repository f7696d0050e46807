"""Tables of records, where pandas is installed; it is imported when the first is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace.schema.data import Data
    from headrace.schema.dataframe import DataFrame


class MissingPandasError(HeadraceError):
    """A table is wanted and pandas isn't installed."""

    def __init__(self) -> None:
        super().__init__("A table needs pandas. Install it with: pip install 'headrace[pandas]'")


def dataframe(rows: Iterable[Data | dict[str, Any]]) -> DataFrame:
    """Return a table with a row for each record.

    Raises:
        MissingPandasError: the extra `pandas` isn't installed.

    """
    try:
        from headrace.schema.dataframe import DataFrame
    except ModuleNotFoundError as error:
        raise MissingPandasError from error
    return DataFrame([row if isinstance(row, dict) else row.data for row in rows])
