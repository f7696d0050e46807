"""Loop: what hangs on Item runs once for each item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.component import Component, HandleInput, Output
from headrace.schema import Data
from headrace.schema.records import records_of

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
        return [Data(data=record) for record in records_of(self.data)]

    def item_output(self) -> Data:
        """Return the first item; where the loop is closed, the engine hands on each."""
        return Data(data=next(iter(records_of(self.data)), {}))

    def done_output(self) -> DataFrame:
        """Return what came back for each item, a row each."""
        from headrace.schema.table import dataframe

        return dataframe(records_of(self.collected))
