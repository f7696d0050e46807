"""`Data`: a record of named values, one of which is its text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from langchain_core.messages import BaseMessage

    from headrace.schema.dataframe import DataFrame
    from headrace.schema.message import Message


class Data(BaseModel):
    """A record of named values. Keyword arguments that are not fields become entries of `data`.

    `text_key` is the name of the entry that represents the record as text.
    """

    model_config = ConfigDict(validate_assignment=False, arbitrary_types_allowed=True)

    text_key: str = "text"
    data: dict[str, Any] = Field(default_factory=dict)
    default_value: str | None = ""

    @model_validator(mode="before")
    @classmethod
    def _gather_extras(cls, values: object) -> object:
        if not isinstance(values, dict) or values.keys() <= cls.__pydantic_fields__.keys():
            return values
        data = values.get("data", {})
        if not isinstance(data, dict):
            raise ValueError("data must be an object of named values")  # noqa: TRY004 - pydantic handles no TypeError
        extras = {k: v for k, v in values.items() if k not in cls.__pydantic_fields__}
        known = {k: v for k, v in values.items() if k in cls.__pydantic_fields__}
        return {**known, "data": {**data, **extras}}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        data = self.__dict__.get("data", {})
        if name in data:
            return data[name]
        raise AttributeError(f"{type(self).__name__} has no attribute or entry {name!r}")

    def get_text(self) -> str:
        """Return the text of the record, or `default_value` if it has none."""
        return str(self.data.get(self.text_key, self.default_value))

    def set_text(self, text: str | None) -> str:
        """Set the text of the record and return it. None becomes an empty string."""
        self.data[self.text_key] = text or ""
        return self.data[self.text_key]  # type: ignore[no-any-return]

    def to_message(self) -> Message:
        """Return a message with the text of the record, or with the whole record as JSON if it has no text."""
        from headrace.schema.message import Message
        from headrace.schema.records import as_text

        return Message(text=self.get_text() if self.text_key in self.data else as_text(self))

    def to_dataframe(self) -> DataFrame:
        """Return a table with the rows of the record's only entry, if that is a list of objects, else with the record as one row."""
        from headrace.schema.table import dataframe

        values = list(self.data.values())
        if len(values) == 1 and isinstance(values[0], list) and all(isinstance(row, dict) for row in values[0]):
            return dataframe(values[0])
        return dataframe([self.data])

    def to_lc_document(self) -> Document:
        """Return a LangChain document with the text of the record as content and the other entries as metadata."""
        from langchain_core.documents import Document

        rest = {k: v for k, v in self.data.items() if k != self.text_key}
        return Document(page_content=self.get_text(), metadata=rest)

    def to_lc_message(self) -> BaseMessage:
        """Return a LangChain message: a human message if `sender` is "User", else one of the model.

        Raises:
            ValueError: the record lacks the entry `text` or `sender`.

        """
        from langchain_core.messages import AIMessage, HumanMessage

        if not {"text", "sender"} <= self.data.keys():
            raise ValueError(
                f"The record with the entries {sorted(self.data)} is not a message. Add the entries 'text' and 'sender'."
            )
        return (HumanMessage if self.data["sender"] == "User" else AIMessage)(content=str(self.data["text"]))

    @classmethod
    def from_document(cls, document: Document) -> Data:
        """Create a record from a LangChain document."""
        return Data(data={"text": document.page_content, **document.metadata})

    @classmethod
    def from_lc_message(cls, message: BaseMessage) -> Data:
        """Create a record from a LangChain message."""
        return Data(data={"text": str(message.text), **message.additional_kwargs})

    def filter_data(self, filter_str: str) -> Data:
        """Return the value at a path as a record.

        Args:
            filter_str: names and `[indexes]`, such as `results[0].name`.

        Raises:
            KeyError, IndexError, TypeError: the path does not exist.

        """
        value: Any = self.data
        for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", filter_str):
            value = value[int(index)] if index else value[name]
        return Data(data=value if isinstance(value, dict) else {"result": value})

    def copy_data(self) -> Self:
        """Return a copy with its own `data`."""
        return self.model_copy(update={"data": dict(self.data)})
