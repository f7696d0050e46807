"""Loop: what hangs on Item runs once for each item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.component import Component, ComponentError, HandleInput, Output
from headrace.schema import Data, Message

if TYPE_CHECKING:
    from pandas import DataFrame


class LoopComponent(Component):
    """Hands on items one by one; what leads back to Item is gathered and handed on as a table when all are done."""

    display_name = "Loop"
    description = "Runs what hangs on it once for each item."
    icon = "infinity"
    inputs = [
        HandleInput(
            name="data",
            display_name="Inputs",
            input_types=["DataFrame", "Data"],
            info="The items: the rows of a table, or records.",
        )
    ]
    outputs = [
        Output(name="item", display_name="Item", method="item_output", allows_loop=True, group_outputs=True),
        Output(name="done", display_name="Done", method="done_output", group_outputs=True),
    ]

    def items(self) -> list[object]:
        """Return the rows or records one by one."""
        return list(_records(self.data))

    def item_output(self) -> Data:
        """Return the first item; where the loop is closed, the engine hands on each."""
        items = _records(self.data)
        return items[0] if items else Data()

    def done_output(self) -> DataFrame:
        """Return what came back for each item, a row each."""
        from headrace.schema.table import dataframe

        return dataframe([_record(value) for value in self.collected])


def _records(given: object) -> list[Data]:
    if given is None or (isinstance(given, str) and not given):
        return []
    if isinstance(given, list):
        return [record for one in given for record in _records(one)]
    if hasattr(given, "to_dict") and hasattr(given, "columns"):
        return [Data(data=row) for row in given.to_dict(orient="records")]
    return [_record(given)]


def _record(value: object) -> Data:
    if isinstance(value, Message):
        return Data(data={"text": value.text})
    if isinstance(value, Data):
        return value
    if isinstance(value, dict):
        return Data(data=value)
    raise ComponentError(f"A loop takes records, and {type(value).__name__} is none.")
