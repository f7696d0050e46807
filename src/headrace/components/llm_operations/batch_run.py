"""Batch Run: runs a model on each row of a table."""

from __future__ import annotations

import asyncio
import sys
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
from headrace.limits.byte_budget import current_budget
from headrace.schema.records import records_of
from headrace.schema.text_size import join_texts

if TYPE_CHECKING:
    from pandas import DataFrame

#: Maximum number of concurrent requests to the model.
MAX_CONCURRENCY = 10


class BatchRunComponent(Component):
    """Run a model on each row of a table and add a column with its answers."""

    display_name = "Batch Run"
    description = "Runs a model on each row of a table and adds a column with its answers."
    icon = "List"
    inputs = [
        HandleInput(
            name="model",
            display_name="Language Model",
            input_types=["LanguageModel"],
            required=True,
            info="Model to run.",
        ),
        MultilineInput(
            name="system_message",
            display_name="Instructions",
            info="Instructions for the model, as the system message for each row.",
        ),
        DataFrameInput(name="df", display_name="DataFrame", required=True, info="Table with the rows to process."),
        MessageTextInput(
            name="column_name", display_name="Column Name", info="Column to send to the model. Empty for all columns."
        ),
        MessageTextInput(
            name="output_column_name",
            display_name="Output Column Name",
            value="model_response",
            advanced=True,
            info="Name of the column for the answers.",
        ),
        BoolInput(
            name="enable_metadata",
            display_name="Enable Metadata",
            advanced=True,
            info="Add a column `metadata` with the lengths of input and answer.",
        ),
    ]
    outputs = [Output(name="batch_results", display_name="LLM Results", method="run_batch")]

    async def run_batch(self) -> DataFrame:
        """Return the table with a column of answers, in the same order.

        Raises:
            ComponentError: the column is missing.

        """
        from headrace.schema.table import dataframe

        rows = records_of(self.df)
        texts = [self._text_of(row) for row in rows]
        answers = await self._ask_about(texts)
        column = str(self.output_column_name or "model_response")
        return dataframe(
            {**row, column: answer, "batch_index": index, **self._metadata(text, answer)}
            for index, (row, text, answer) in enumerate(zip(rows, texts, answers, strict=True))
        )

    async def _ask_about(self, texts: list[str]) -> list[str]:
        """Return the model's answer to each text.

        Raises:
            ByteLimitError: the answers are too large together.

        """
        semaphore = asyncio.Semaphore(MAX_CONCURRENCY)
        with current_budget.get().grow("The list of answers") as growth:

            async def ask(text: str) -> str:
                async with semaphore:
                    answer = str((await self.model.ainvoke(self._messages(text))).text)
                growth.add(sys.getsizeof(answer))
                return answer

            tasks = [asyncio.create_task(ask(text)) for text in texts]
            try:
                return await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()

    def _text_of(self, row: dict[str, Any]) -> str:
        if not self.column_name:
            return join_texts((f"{name}: {value}" for name, value in row.items()), "\n")
        if self.column_name not in row:
            raise ComponentError(
                f"The table has no column {self.column_name!r}. Its columns: {', '.join(map(str, row))}."
            )
        return str(row[self.column_name])

    def _messages(self, text: str) -> list[Any]:
        from langchain_core.messages import HumanMessage, SystemMessage

        return [*([SystemMessage(str(self.system_message))] if self.system_message else []), HumanMessage(text)]

    def _metadata(self, text: str, answer: str) -> dict[str, Any]:
        if not self.enable_metadata:
            return {}
        return {
            "metadata": {
                "has_system_message": bool(self.system_message),
                "input_length": len(text),
                "response_length": len(answer),
            }
        }
