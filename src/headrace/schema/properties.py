"""What a message carries beside its text: where it came from and how to show it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Source(BaseModel):
    """The vertex that made a message: its id, its display name, and the model behind it."""

    id: str | None = None
    display_name: str | None = None
    source: str | None = None


class Properties(BaseModel):
    """How a message is shown. `state` is `partial` while its tokens still come."""

    text_color: str | None = None
    background_color: str | None = None
    edited: bool = False
    source: Source = Field(default_factory=Source)
    icon: str | None = None
    allow_markdown: bool = False
    positive_feedback: bool | None = None
    state: Literal["partial", "complete"] = "complete"
    targets: list[str] = Field(default_factory=list)
