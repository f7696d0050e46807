"""Tables of records have a limited number of cells."""

from __future__ import annotations

import pytest

from headrace.schema import Data
from headrace.schema.dataframe import DataFrame
from headrace.schema.table import dataframe
from headrace.schema.table_size import TableTooLargeError


def test_records_with_different_names_do_not_become_a_huge_table() -> None:
    sparse = [{f"column {n}": n} for n in range(5000)]
    with pytest.raises(TableTooLargeError, match="5000 records with 5000 different names"):
        dataframe(sparse)
    with pytest.raises(TableTooLargeError):
        DataFrame([Data(data=row) for row in sparse])
    assert dataframe(sparse[:100]).shape == (100, 100)
    assert len(dataframe([{"a": n} for n in range(10_000)])) == 10_000
