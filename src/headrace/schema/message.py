"""`Message`: what people and models say to each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, Field, field_validator

from headrace.schema.data import Data
from headrace.schema.properties import Properties
from headrace.schema.template import fill

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from langchain_core.messages import BaseMessage

    from headrace.schema.dataframe import DataFrame

SENDER_USER = "User"
SENDER_AI = "Machine"
SENDER_NAME_USER = "User"
SENDER_NAME_AI = "AI"

TIMESTAMP_FORMAT = "%Y-%m-%d %H:%M:%S UTC"


def now_text() -> str:
    """Return the present as the API writes a message's timestamp, to the second, UTC."""
    return datetime.now(UTC).strftime(TIMESTAMP_FORMAT)


class Message(Data):
    """A text with its sender and session.

    While a model still speaks, `text` is empty and `stream` yields the rest, token by token.
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
        """Replace the text; None is an empty text."""
        self.text = text or ""
        return self.text

    def format_text(self) -> str:
        """Return the text."""
        return self.text

    def to_message(self) -> Self:
        """Return the message."""
        return self

    def to_lc_message(self, model_name: str | None = None) -> BaseMessage:
        """Return the text as a LangChain message, from a person unless a model said it. Files stay out."""
        from langchain_core.messages import AIMessage, HumanMessage

        return (AIMessage if self.sender == SENDER_AI else HumanMessage)(content=self.text)

    def to_lc_document(self) -> Document:
        """Return the text as a LangChain document, with what else is known of the message."""
        return self.to_data().to_lc_document()

    def to_dataframe(self) -> DataFrame:
        """Return the message as a table of one row."""
        return self.to_data().to_dataframe()

    @classmethod
    def from_data(cls, data: Data) -> Message:
        """Return a record as a message."""
        known = {k: v for k, v in data.data.items() if k in cls.model_fields and k not in Data.model_fields}
        return Message(**{**known, "text": data.get_text()})

    @classmethod
    def from_lc_message(cls, lc_message: BaseMessage) -> Message:
        """Return a LangChain message as a message."""
        is_person = lc_message.type == "human"
        return Message(
            text=str(lc_message.text),
            sender=SENDER_USER if is_person else SENDER_AI,
            sender_name=SENDER_NAME_USER if is_person else SENDER_NAME_AI,
        )

    @classmethod
    def from_template(cls, template: str, **variables: Any) -> Message:
        """Return a template with its `{names}` filled in, as a message. Names are names: no attribute is reached.

        Raises:
            TemplateError: the template cannot be read.

        """
        values = {k: v.text if isinstance(v, Message) else str(v) for k, v in variables.items()}
        return Message(text=fill(template, values))

    @classmethod
    def from_template_and_variables(cls, template: str, **variables: Any) -> Message:
        """Return a filled template as a message; see `from_template`."""
        return cls.from_template(template, **variables)

    def set_flow_id(self, flow_id: str) -> None:
        """Say of which flow the message is."""
        self.flow_id = flow_id

    @classmethod
    async def create(cls, **kwargs: Any) -> Message:
        """Return a message with these fields."""
        return cls(**kwargs)

    def to_data(self) -> Data:
        """Return the message as a plain record."""
        return Data(
            data={
                "text": self.text,
                "sender": self.sender,
                "sender_name": self.sender_name,
                "session_id": self.session_id,
                "timestamp": self.timestamp,
            }
        )
