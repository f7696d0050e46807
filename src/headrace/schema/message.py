"""`Message`: what people and models say to each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from headrace.schema.data import Data
from headrace.schema.properties import Properties

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

    def get_text(self) -> str:
        """Return the text."""
        return self.text

    def set_text(self, text: str | None) -> str:
        """Replace the text; None is an empty text."""
        self.text = text or ""
        return self.text

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
