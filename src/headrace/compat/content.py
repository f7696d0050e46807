"""What a chat shows beside a message's text: steps, code, media, errors.

Source of the fields: the message's `content_blocks` as the API sends them.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Content(BaseModel):
    """One thing in a block."""

    model_config = ConfigDict(extra="allow")

    duration: int | None = None
    header: dict[str, Any] | None = Field(default_factory=dict)


class TextContent(Content):
    """A text."""

    type: Literal["text"] = "text"
    text: str


class ErrorContent(Content):
    """Something that went wrong."""

    type: Literal["error"] = "error"
    component: str | None = None
    field: str | None = None
    reason: str | None = None
    solution: str | None = None
    traceback: str | None = None


class CodeContent(Content):
    """Source code."""

    type: Literal["code"] = "code"
    code: str
    language: str
    title: str | None = None


class JSONContent(Content):
    """A JSON object."""

    type: Literal["json"] = "json"
    data: dict[str, Any]


class MediaContent(Content):
    """Pictures and the like, by their addresses."""

    type: Literal["media"] = "media"
    urls: list[str]
    caption: str | None = None


class ToolContent(Content):
    """A tool that was used."""

    type: Literal["tool_use"] = "tool_use"
    name: str | None = None
    tool_input: dict[str, Any] = Field(default_factory=dict)
    output: Any = None
    error: Any = None


class ContentBlock(BaseModel):
    """A block under a title."""

    title: str
    contents: list[Any] = Field(default_factory=list)
    allow_markdown: bool = True
    media_url: list[str] | None = None
