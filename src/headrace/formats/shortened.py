"""Shorten results that are too large to be recorded."""

from __future__ import annotations

from typing import Any

#: The end of a shortened text.
ELLIPSIS = "…"
#: The size of a value that is neither a text nor a container, and of an entry in a container, in bytes.
ENTRY_BYTES = 8


def shorten(body: dict[str, Any], max_bytes: int) -> dict[str, Any]:
    """Return a JSON object with its keys, whose values take about `max_bytes` together.

    Each value may take the same share of it. Texts end with an ellipsis where they are cut; lists and objects contain the first
    of their entries.
    """
    share = max_bytes // max(len(body), 1)
    return {key: _Shortening(share).shorten(value) for key, value in body.items()}


class _Shortening:
    """Copies a JSON value until its bytes are used up."""

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes

    def shorten(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._cut(value)
        self._left -= ENTRY_BYTES
        if isinstance(value, dict):
            items: dict[Any, Any] = {}
            for key, item in value.items():
                if self._left <= 0:
                    break
                # Before the value, which may use up the bytes: a key that is cut is lost.
                short_key = self._cut(key) if isinstance(key, str) else key
                items[short_key] = self.shorten(item)
            return items
        if isinstance(value, (list, tuple)):
            entries: list[Any] = []
            for item in value:
                if self._left <= 0:
                    break
                entries.append(self.shorten(item))
            return entries
        return value

    def _cut(self, text: str) -> str:
        self._left -= len(text) + ENTRY_BYTES
        return text if self._left >= 0 else text[: max(self._left + len(text), 0)] + ELLIPSIS
