"""Content blocks, which a chat shows below the text of a message: tool calls, code, media, errors.

Source: `content_blocks` of messages in the API of Langflow 1.7.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Content(BaseModel):
    """An item of a content block."""

    model_config = ConfigDict(extra="allow")

    duration: int | None = None
    header: dict[str, Any] | None = Field(default_factory=dict)


class TextContent(Content):
    """A text."""

    type: Literal["text"] = "text"
    text: str


class ErrorContent(Content):
    """An error."""

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
    """Images and other media, by URL."""

    type: Literal["media"] = "media"
    urls: list[str]
    caption: str | None = None


class ToolContent(Content):
    """A tool call and its result."""

    type: Literal["tool_use"] = "tool_use"
    name: str | None = None
    tool_input: dict[str, Any] = Field(default_factory=dict)
    output: Any = None
    error: Any = None


class ContentBlock(BaseModel):
    """A titled block of contents."""

    title: str
    contents: list[Any] = Field(default_factory=list)
    allow_markdown: bool = True
    media_url: list[str] | None = None
