"""Batch Run: a model asked about each row of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.component import (
    BoolInput,
    Component,
    ComponentError,
    DataFrameInput,
    HandleInput,
    MessageTextInput,
    MultilineInput,
    Output,
)
from headrace.schema.records import records_of

if TYPE_CHECKING:
    from pandas import DataFrame

#: So many rows are asked about at once.
AT_ONCE = 10


class BatchRunComponent(Component):
    """Asks a model about each row and adds a column with its answers."""

    display_name = "Batch Run"
    description = "Asks a model about each row of a table."
    icon = "List"
    inputs = [
        HandleInput(
            name="model",
            display_name="Language Model",
            input_types=["LanguageModel"],
            required=True,
            info="Who is asked.",
        ),
        MultilineInput(name="system_message", display_name="Instructions", info="What is to be done with each row."),
        DataFrameInput(name="df", display_name="DataFrame", required=True, info="The rows."),
        MessageTextInput(
            name="column_name", display_name="Column Name", info="The column that is read; empty for the whole row."
        ),
        MessageTextInput(
            name="output_column_name",
            display_name="Output Column Name",
            value="model_response",
            advanced=True,
            info="The column of the answers.",
        ),
        BoolInput(
            name="enable_metadata",
            display_name="Enable Metadata",
            advanced=True,
            info="Add a column with the lengths of question and answer.",
        ),
    ]
    outputs = [Output(name="batch_results", display_name="LLM Results", method="run_batch")]

    async def run_batch(self) -> DataFrame:
        """Return the table with the answers, in its order.

        Raises:
            ComponentError: the table has no such column.

        """
        from headrace.schema.table import dataframe

        rows = records_of(self.df)
        asked = [self._text_of(row) for row in rows]
        answers = await self.model.abatch([self._messages(text) for text in asked], {"max_concurrency": AT_ONCE})
        column = str(self.output_column_name or "model_response")
        return dataframe(
            {**row, column: str(answer.text), "batch_index": n, **self._metadata(text, str(answer.text))}
            for n, (row, text, answer) in enumerate(zip(rows, asked, answers, strict=True))
        )

    def _text_of(self, row: dict[str, Any]) -> str:
        if not self.column_name:
            return "\n".join(f"{name}: {value}" for name, value in row.items())
        if self.column_name not in row:
            raise ComponentError(
                f"The table has no column {self.column_name!r}. Its columns: {', '.join(map(str, row))}."
            )
        return str(row[self.column_name])

    def _messages(self, text: str) -> list[Any]:
        from langchain_core.messages import HumanMessage, SystemMessage

        return [*([SystemMessage(str(self.system_message))] if self.system_message else []), HumanMessage(text)]

    def _metadata(self, asked: str, answer: str) -> dict[str, Any]:
        if not self.enable_metadata:
            return {}
        return {
            "metadata": {
                "has_system_message": bool(self.system_message),
                "input_length": len(asked),
                "response_length": len(answer),
            }
        }
