"""Create texts of limited size."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from headrace.limits.byte_budget import current_budget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

#: Python stores a text that is not ASCII with up to this number of bytes per character.
MAX_CHARACTER_BYTES = 4
#: The size of an item of a list without the object that it refers to, in bytes.
REFERENCE_BYTES = 8


def join_texts(parts: Iterable[str], separator: str = "", *, name: str = "The joined text") -> str:
    """Return texts joined by a separator.

    Args:
        parts: the texts; not more of them are created than fit.
        separator: the text between them.
        name: the result as the subject of an error message.

    Raises:
        ByteLimitError: the result would be too large.

    """
    return separator.join(limited_texts(parts, name, separator))


def limited_texts(parts: Iterable[str], name: str, separator: str = "") -> Iterator[str]:
    """Yield texts until they are too large together.

    Args:
        parts: the texts.
        name: all of them as the subject of an error message.
        separator: a text that counts once for each of them.

    Raises:
        ByteLimitError: they are too large.

    """
    budget = current_budget.get()
    max_bytes = budget.limits.value
    characters, width = 0, _width(separator)
    for part in parts:
        characters += len(part) + len(separator)
        if width == 1:
            width = _width(part)
        if characters * width > max_bytes:
            break
        yield part
    budget.check(characters * width, name)


def check_text(characters: int, name: str, *, is_ascii: bool = True) -> None:
    """Check that a text may be created.

    Args:
        characters: the number of its characters.
        name: the text as the subject of an error message, such as "The table".
        is_ascii: whether all its characters are ASCII.

    Raises:
        ByteLimitError: it may not.

    """
    current_budget.get().check(characters if is_ascii else characters * MAX_CHARACTER_BYTES, name)


async def read_stream(stream: AsyncIterator[str], name: str = "The streamed text") -> str:
    """Return the whole text of a stream.

    Args:
        stream: the chunks of the text.
        name: the text as the subject of an error message.

    Raises:
        ByteLimitError: the text is too large.

    """
    chunks: list[str] = []
    with current_budget.get().grow(name) as growth:
        async for chunk in stream:
            growth.add(chunk_size(chunk))
            chunks.append(chunk)
        return "".join(chunks)


def chunk_size(chunk: str) -> int:
    """Return the bytes that a text takes as an item of a list."""
    return sys.getsizeof(chunk) + REFERENCE_BYTES


def _width(text: str) -> int:
    return 1 if text.isascii() else MAX_CHARACTER_BYTES
