"""Structured Output: extracts records of a schema from a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.component import Component, HandleInput, MessageTextInput, MultilineInput, Output, TableInput
from headrace.models.chat_model import system_message, user_message
from headrace.models.structured import SCHEMA_COLUMNS, extract_objects, schema_of
from headrace.schema import Data

if TYPE_CHECKING:
    from pandas import DataFrame


class StructuredOutputComponent(Component):
    """Let a model extract records of a schema from a text."""

    name = "StructuredOutput"
    display_name = "Structured Output"
    description = "Extracts structured data from a text according to a schema."
    icon = "braces"
    inputs = [
        HandleInput(
            name="llm",
            display_name="Language Model",
            input_types=["LanguageModel"],
            required=True,
            info="Model that extracts the data.",
        ),
        MultilineInput(
            name="input_value",
            display_name="Input Message",
            required=True,
            tool_mode=True,
            info="Text to extract data from.",
        ),
        MultilineInput(
            name="system_prompt",
            display_name="Format Instructions",
            required=True,
            advanced=True,
            value="Extract the values of the schema's fields from the text, one object for each item that it describes. "
            "Omit values that the text does not contain. Do not invent values.",
            info="Instructions for the model.",
        ),
        MessageTextInput(
            name="schema_name",
            display_name="Schema Name",
            advanced=True,
            info="Name of the schema, for the model. Empty for Record.",
        ),
        TableInput(
            name="output_schema",
            display_name="Output Schema",
            required=True,
            value=[{"name": "field", "description": "description of field", "type": "str", "multiple": "False"}],
            table_schema=SCHEMA_COLUMNS,
            info="Fields of each record.",
        ),
    ]
    outputs = [
        Output(name="structured_output", display_name="Structured Output", method="build_structured_output"),
        Output(name="dataframe_output", display_name="Structured Output", method="build_structured_dataframe"),
    ]

    _extracted: list[dict[str, Any]] | None = None

    async def build_structured_output(self) -> Data:
        """Return a single record, or several records under `results`."""
        records = await self._records()
        self.status = records
        return Data(data=records[0] if len(records) == 1 else {"results": records})

    async def build_structured_dataframe(self) -> DataFrame:
        """Return a table with a row for each record."""
        from headrace.schema.table import dataframe

        return dataframe(await self._records())

    async def _records(self) -> list[dict[str, Any]]:
        if self._extracted is None:
            schema = schema_of(self.output_schema or [], str(self.schema_name or "Record"))
            messages = [system_message(str(self.system_prompt)), user_message(str(self.input_value))]
            self._extracted = await extract_objects(self.llm, messages, schema)
        return self._extracted
