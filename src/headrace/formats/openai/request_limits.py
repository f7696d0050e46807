"""Limits of the lists and objects in OpenAI requests."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

#: The maximum number of messages or items, of parts of a message, and of members of an object.
MAX_LIST_ITEMS = 10_000
MAX_TOOLS = 1000

JsonMap = Annotated[dict[str, Any], Field(max_length=MAX_LIST_ITEMS)]
