"""`Data`: a record of named values with one of them marked as its text."""

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
    """A record. Unknown keyword arguments become entries of `data`.

    `text_key` names the entry that stands for the whole record where a text is needed.
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
            raise ValueError("data must be an object of named values")  # noqa: TRY004 - pydantic reports only these
        extras = {k: v for k, v in values.items() if k not in cls.__pydantic_fields__}
        known = {k: v for k, v in values.items() if k in cls.__pydantic_fields__}
        return {**known, "data": {**data, **extras}}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        data = self.__dict__.get("data", {})
        if name in data:
            return data[name]
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    def get_text(self) -> str:
        """Return the entry under `text_key` as text, or `default_value`."""
        return str(self.data.get(self.text_key, self.default_value))

    def set_text(self, text: str | None) -> str:
        """Store `text` under `text_key`; None is stored as an empty text."""
        self.data[self.text_key] = text or ""
        return self.data[self.text_key]  # type: ignore[no-any-return]

    def to_message(self) -> Message:
        """Return the record's text as a message, or all of it as JSON where it has none."""
        from headrace.schema.message import Message
        from headrace.schema.records import as_text

        return Message(text=self.get_text() if self.text_key in self.data else as_text(self))

    def to_dataframe(self) -> DataFrame:
        """Return the record as a table: of its one list of records, or of itself as one row."""
        from headrace.schema.table import dataframe

        values = list(self.data.values())
        if len(values) == 1 and isinstance(values[0], list) and all(isinstance(row, dict) for row in values[0]):
            return dataframe(values[0])
        return dataframe([self.data])

    def to_lc_document(self) -> Document:
        """Return a LangChain document: the text, and the rest as metadata."""
        from langchain_core.documents import Document

        rest = {k: v for k, v in self.data.items() if k != self.text_key}
        return Document(page_content=self.get_text(), metadata=rest)

    def to_lc_message(self) -> BaseMessage:
        """Return a LangChain message, from who `sender` says.

        Raises:
            ValueError: the record has no text or no sender.

        """
        from langchain_core.messages import AIMessage, HumanMessage

        if not {"text", "sender"} <= self.data.keys():
            raise ValueError(f"A message needs the entries 'text' and 'sender'; this record has {sorted(self.data)}.")
        return (HumanMessage if self.data["sender"] == "User" else AIMessage)(content=str(self.data["text"]))

    @classmethod
    def from_document(cls, document: Document) -> Data:
        """Return a LangChain document as a record."""
        return Data(data={"text": document.page_content, **document.metadata})

    @classmethod
    def from_lc_message(cls, message: BaseMessage) -> Data:
        """Return a LangChain message as a record."""
        return Data(data={"text": str(message.text), **message.additional_kwargs})

    def filter_data(self, filter_str: str) -> Data:
        """Return what lies under a path of names and `[numbers]`, such as `results[0].name`, as a record.

        Raises:
            KeyError, IndexError, TypeError: there is nothing under it.

        """
        found: Any = self.data
        for name, number in re.findall(r"([^.\[\]]+)|\[(\d+)\]", filter_str):
            found = found[int(number)] if number else found[name]
        return Data(data=found if isinstance(found, dict) else {"result": found})

    def copy_data(self) -> Self:
        """Return a copy whose record can be changed without touching this one."""
        return self.model_copy(update={"data": dict(self.data)})
