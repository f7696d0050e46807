"""Loop: runs the components after the output Item once for each item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.component import Component, HandleInput, Output
from headrace.schema import Data
from headrace.schema.records import records_of

if TYPE_CHECKING:
    from pandas import DataFrame


class LoopComponent(Component):
    """Pass on items one at a time, collect the results that lead back to Item, and return them as a table."""

    display_name = "Loop"
    description = "Runs the components after the output Item once for each item and collects the results."
    icon = "infinity"
    inputs = [
        HandleInput(
            name="data",
            display_name="Inputs",
            input_types=["DataFrame", "Data"],
            info="Items to loop over: a list of Data, or the rows of a DataFrame.",
        )
    ]
    outputs = [
        Output(name="item", display_name="Item", method="item_output", allows_loop=True, group_outputs=True),
        Output(name="done", display_name="Done", method="done_output", group_outputs=True),
    ]

    def items(self) -> list[object]:
        """Return the items: each row or record as `Data`."""
        return [Data(data=record) for record in records_of(self.data)]

    def item_output(self) -> Data:
        """Return the first item. In a closed loop the engine passes on each item instead."""
        return Data(data=next(iter(records_of(self.data)), {}))

    def done_output(self) -> DataFrame:
        """Return a table with the results, one row for each item."""
        from headrace.schema.table import dataframe

        return dataframe(records_of(self.loop_results))
