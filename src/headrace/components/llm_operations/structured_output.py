"""Structured Output: a text as records of a form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.component import Component, HandleInput, MessageTextInput, MultilineInput, Output, TableInput
from headrace.models.structured import SCHEMA_COLUMNS, fill_in, schema_of
from headrace.schema import Data

if TYPE_CHECKING:
    from pandas import DataFrame


class StructuredOutputComponent(Component):
    """Has a model write down what a text says, in the fields of a schema."""

    name = "StructuredOutput"
    display_name = "Structured Output"
    description = "Writes what a text says into the fields of a schema."
    icon = "braces"
    inputs = [
        HandleInput(
            name="llm",
            display_name="Language Model",
            input_types=["LanguageModel"],
            required=True,
            info="Who reads it.",
        ),
        MultilineInput(
            name="input_value", display_name="Input Message", required=True, tool_mode=True, info="The text to read."
        ),
        MultilineInput(
            name="system_prompt",
            display_name="Format Instructions",
            required=True,
            advanced=True,
            value="Write down what the text says of each field of the schema, one object for each thing that it is about. "
            "Leave out what it does not say; make nothing up.",
            info="How it is to be read.",
        ),
        MessageTextInput(
            name="schema_name", display_name="Schema Name", advanced=True, info="What one record is called."
        ),
        TableInput(
            name="output_schema",
            display_name="Output Schema",
            required=True,
            value=[{"name": "field", "description": "description of field", "type": "str", "multiple": "False"}],
            table_schema=SCHEMA_COLUMNS,
            info="The fields.",
        ),
    ]
    outputs = [
        Output(name="structured_output", display_name="Structured Output", method="build_structured_output"),
        Output(name="dataframe_output", display_name="Structured Output", method="build_structured_dataframe"),
    ]

    _found: list[dict[str, Any]] | None = None

    async def build_structured_output(self) -> Data:
        """Return the one record that was found, or all under `results`."""
        found = await self._records()
        self.status = found
        return Data(data=found[0] if len(found) == 1 else {"results": found})

    async def build_structured_dataframe(self) -> DataFrame:
        """Return a row for each record."""
        from headrace.schema.table import dataframe

        return dataframe(await self._records())

    async def _records(self) -> list[dict[str, Any]]:
        from langchain_core.messages import HumanMessage, SystemMessage

        if self._found is None:
            schema = schema_of(self.output_schema or [], str(self.schema_name or "Record"))
            messages = [SystemMessage(str(self.system_prompt)), HumanMessage(str(self.input_value))]
            self._found = await fill_in(self.llm, messages, schema)
        return self._found
