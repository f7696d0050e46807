"""Split Text: splits text into chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.component import (
    Component,
    ComponentError,
    DropdownInput,
    HandleInput,
    IntInput,
    MessageTextInput,
    Output,
)
from headrace.limits.byte_budget import current_budget
from headrace.parsing.text_chunks import TextSplitter
from headrace.schema.records import CELL_BYTES, records_of

if TYPE_CHECKING:
    from typing import Literal

    from pandas import DataFrame

_KEEP: dict[str, bool | Literal["start", "end"]] = {"False": False, "True": True, "Start": "start", "End": "end"}


class SplitTextComponent(Component):
    """Split text at a separator and merge the parts into chunks of limited size."""

    name = "SplitText"
    display_name = "Split Text"
    description = "Splits text into chunks."
    icon = "scissors-line-dashed"
    inputs = [
        HandleInput(
            name="data_inputs",
            display_name="Input",
            input_types=["Data", "DataFrame", "Message"],
            required=True,
            info="Text, data or table to split.",
        ),
        IntInput(
            name="chunk_overlap",
            display_name="Chunk Overlap",
            value=200,
            info="Number of characters of a chunk to repeat in the next chunk.",
        ),
        IntInput(
            name="chunk_size",
            display_name="Chunk Size",
            value=1000,
            info="Maximum number of characters in a chunk. A part without a separator can be longer.",
        ),
        MessageTextInput(
            name="separator",
            display_name="Separator",
            value="\n",
            info="Text to split at. \\n is a line break, \\t a tab.",
        ),
        MessageTextInput(
            name="text_key",
            display_name="Text Key",
            value="text",
            advanced=True,
            info="Key or column with the text to split.",
        ),
        DropdownInput(
            name="keep_separator",
            display_name="Keep Separator",
            options=list(_KEEP),
            value="False",
            advanced=True,
            info="Whether to keep the separator, at the start or the end of the chunk.",
        ),
    ]
    outputs = [Output(name="dataframe", display_name="Chunks", method="split_text")]

    def split_text(self) -> DataFrame:
        """Return a table with a row for each chunk, with the other fields of its record.

        Raises:
            ComponentError: chunk size and overlap are not valid.
            ParsingLimitError: the chunks overlap too much.

        """
        from headrace.schema.table import dataframe

        key = self.text_key or "text"
        try:
            splitter = TextSplitter(
                separator=str(self.separator).replace("\\n", "\n").replace("\\t", "\t"),
                chunk_size=int(self.chunk_size or 0),
                chunk_overlap=int(self.chunk_overlap or 0),
                keep_separator=_KEEP.get(str(self.keep_separator), False),
            )
        except ValueError as error:
            raise ComponentError(
                f"Split Text has an invalid chunk size or overlap: {error}. Set Chunk Overlap below Chunk Size."
            ) from error
        chunks: list[dict[str, Any]] = []
        with current_budget.get().grow("The list of chunks") as growth:
            for record in records_of(self.data_inputs):
                parts = splitter.split(str(record.get(key, "")))
                growth.add(sum(map(len, parts)) + len(parts) * CELL_BYTES * (len(record) + 1))
                chunks += [{**record, key: part} for part in parts]
        self.status = f"{len(chunks)} chunks"
        return dataframe(chunks)
