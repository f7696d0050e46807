"""Split Text: a text in pieces of a size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.component import (
    Component,
    ComponentError,
    DropdownInput,
    HandleInput,
    IntInput,
    MessageTextInput,
    Output,
)
from headrace.schema.records import records_of

if TYPE_CHECKING:
    from typing import Literal

    from pandas import DataFrame

_KEEP: dict[str, bool | Literal["start", "end"]] = {"False": False, "True": True, "Start": "start", "End": "end"}


class SplitTextComponent(Component):
    """Splits texts at a separator and joins the parts again to pieces of at most a size, each a row."""

    name = "SplitText"
    display_name = "Split Text"
    description = "Splits a text into pieces."
    icon = "scissors-line-dashed"
    inputs = [
        HandleInput(
            name="data_inputs",
            display_name="Input",
            input_types=["Data", "DataFrame", "Message"],
            required=True,
            info="Texts, records or a table.",
        ),
        IntInput(
            name="chunk_overlap",
            display_name="Chunk Overlap",
            value=200,
            info="So many letters of a piece stand at the beginning of the next.",
        ),
        IntInput(name="chunk_size", display_name="Chunk Size", value=1000, info="Most letters of a piece."),
        MessageTextInput(
            name="separator", display_name="Separator", value="\n", info="Where it may be split. \\n is a line break."
        ),
        MessageTextInput(
            name="text_key", display_name="Text Key", value="text", advanced=True, info="Which field holds the text."
        ),
        DropdownInput(
            name="keep_separator",
            display_name="Keep Separator",
            options=list(_KEEP),
            value="False",
            advanced=True,
            info="Whether the separator stays, and on which side.",
        ),
    ]
    outputs = [Output(name="dataframe", display_name="Chunks", method="split_text")]

    def split_text(self) -> DataFrame:
        """Return the pieces, a row each, with the other fields of the record that they come from."""
        from langchain_text_splitters import CharacterTextSplitter

        from headrace.schema.table import dataframe

        key = self.text_key or "text"
        try:
            splitter = CharacterTextSplitter(
                separator=str(self.separator).replace("\\n", "\n").replace("\\t", "\t"),
                chunk_size=int(self.chunk_size or 0),
                chunk_overlap=int(self.chunk_overlap or 0),
                keep_separator=_KEEP.get(str(self.keep_separator), False),
            )
        except ValueError as error:
            raise ComponentError(f"Split Text cannot split so: {error}.") from error
        pieces = [
            {**record, key: piece}
            for record in records_of(self.data_inputs)
            for piece in splitter.split_text(str(record.get(key, "")))
        ]
        self.status = f"{len(pieces)} pieces"
        return dataframe(pieces)
