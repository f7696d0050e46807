"""`Message`: a text that a user or model sends in a session."""

from __future__ import annotations

import functools
import time
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, Field, field_validator

from headrace.schema.data import Data
from headrace.schema.properties import Properties
from headrace.schema.template import render

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from langchain_core.messages import BaseMessage

    from headrace.schema.dataframe import DataFrame

SENDER_USER = "User"
SENDER_AI = "Machine"
SENDER_NAME_USER = "User"
SENDER_NAME_AI = "AI"

#: The format of message timestamps in the API: UTC, to the second.
TIMESTAMP_FORMAT = "%Y-%m-%d %H:%M:%S UTC"


def now_text() -> str:
    """Return the current time as the API writes timestamps of messages: UTC, to the second."""
    return _format_second(int(time.time()))


@functools.lru_cache(maxsize=1)
def _format_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(TIMESTAMP_FORMAT)


class Message(Data):
    """A text with its sender and session.

    While a model streams the message, `text` is empty and `stream` yields the chunks.
    """

    text: str = ""
    sender: str | None = None
    sender_name: str | None = None
    files: list[str] = Field(default_factory=list)
    session_id: str = ""
    context_id: str = ""
    timestamp: str = Field(default_factory=now_text)
    flow_id: str | None = None
    error: bool = False
    edit: bool = False
    properties: Properties = Field(default_factory=Properties)
    category: Literal["message", "error", "warning", "info"] = "message"
    content_blocks: list[dict[str, Any]] = Field(default_factory=list)
    duration: int | None = None
    id: str | None = None
    stream: AsyncIterator[str] | None = Field(default=None, exclude=True)

    @field_validator("content_blocks", mode="before")
    @classmethod
    def _as_objects(cls, blocks: object) -> object:
        if not isinstance(blocks, list):
            return blocks
        return [block.model_dump() if isinstance(block, BaseModel) else block for block in blocks]

    def get_text(self) -> str:
        """Return the text."""
        return self.text

    def set_text(self, text: str | None) -> str:
        """Set the text and return it. None becomes an empty string."""
        self.text = text or ""
        return self.text

    def format_text(self) -> str:
        """Return the text."""
        return self.text

    def to_message(self) -> Self:
        """Return the message itself."""
        return self

    def to_lc_message(self, model_name: str | None = None) -> BaseMessage:
        """Return a LangChain message with the text: one of the model if the sender is, else a human message. Omit files."""
        from langchain_core.messages import AIMessage, HumanMessage

        return (AIMessage if self.sender == SENDER_AI else HumanMessage)(content=self.text)

    def to_lc_document(self) -> Document:
        """Return a LangChain document with the text as content and sender, session and time as metadata."""
        return self.to_data().to_lc_document()

    def to_dataframe(self) -> DataFrame:
        """Return a table with the message as its only row."""
        return self.to_data().to_dataframe()

    @classmethod
    def from_data(cls, data: Data) -> Message:
        """Create a message from a record."""
        known = {k: v for k, v in data.data.items() if k in cls.model_fields and k not in Data.model_fields}
        return Message(**{**known, "text": data.get_text()})

    @classmethod
    def from_lc_message(cls, lc_message: BaseMessage) -> Message:
        """Create a message from a LangChain message."""
        is_human = lc_message.type == "human"
        return Message(
            text=str(lc_message.text),
            sender=SENDER_USER if is_human else SENDER_AI,
            sender_name=SENDER_NAME_USER if is_human else SENDER_NAME_AI,
        )

    @classmethod
    def from_template(cls, template: str, **variables: Any) -> Message:
        """Create a message from a prompt template and the values of its placeholders, with the files of messages among them.

        Args:
            template: a text with `{name}` placeholders, which cannot refer to attributes.
            variables: the values by name.

        Raises:
            TemplateError: the template is not valid.

        """
        values = {k: v.text if isinstance(v, Message) else str(v) for k, v in variables.items()}
        return Message(text=render(template, values), files=files_of(variables.values()))

    @classmethod
    def from_template_and_variables(cls, template: str, **variables: Any) -> Message:
        """Create a message from a prompt template; see `from_template`."""
        return cls.from_template(template, **variables)

    def set_flow_id(self, flow_id: str) -> None:
        """Set the id of the message's flow."""
        self.flow_id = flow_id

    @classmethod
    async def create(cls, **kwargs: Any) -> Message:
        """Create a message with these fields."""
        return cls(**kwargs)

    def to_data(self) -> Data:
        """Return a record with the text, sender, session and time, and with the files if the message has any."""
        data: dict[str, Any] = {
            "text": self.text,
            "sender": self.sender,
            "sender_name": self.sender_name,
            "session_id": self.session_id,
            "timestamp": self.timestamp,
        }
        if self.files:
            data["files"] = self.files
        return Data(data=data)


def files_of(values: Iterable[object]) -> list[str]:
    """Return the paths of the files of all messages among some values, each once."""
    return list(dict.fromkeys(path for value in values if isinstance(value, Message) for path in value.files))
