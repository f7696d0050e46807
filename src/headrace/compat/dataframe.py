"""`DataFrame` as components know it. Importing this module imports pandas."""

from __future__ import annotations

from typing import Any

import pandas

from headrace.schema import Data


class DataFrame(pandas.DataFrame):  # type: ignore[misc]
    """A pandas table that is made of records, too, and gives them back."""

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        if isinstance(data, list) and data and all(isinstance(row, Data) for row in data):
            data = [row.data for row in data]
        super().__init__(data, *args, **kwargs)

    @property
    def _constructor(self) -> type[DataFrame]:
        return DataFrame

    def to_data_list(self) -> list[Data]:
        """Return a record for each row."""
        return [Data(data=row) for row in self.to_dict(orient="records")]
