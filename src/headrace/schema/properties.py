"""Properties of a message: its source and its appearance."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Source(BaseModel):
    """The vertex that created a message: its id, its display name and its model."""

    id: str | None = None
    display_name: str | None = None
    source: str | None = None


class Properties(BaseModel):
    """The source and appearance of a message. `state` is `partial` while the message is streaming."""

    text_color: str | None = None
    background_color: str | None = None
    edited: bool = False
    source: Source = Field(default_factory=Source)
    icon: str | None = None
    allow_markdown: bool = False
    positive_feedback: bool | None = None
    state: Literal["partial", "complete"] = "complete"
    #: The tokens that models used for the text; None if they are unknown.
    usage: dict[str, int] | None = Field(default=None, max_length=100)
    targets: list[str] = Field(default_factory=list, max_length=1000)
