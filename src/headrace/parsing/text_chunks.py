"""Split text at a separator into overlapping chunks, as LangChain's `CharacterTextSplitter` does, in linear time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from headrace.parsing.errors import ParsingLimitError

#: Maximum number of characters in all chunks of a text. Chunks that overlap repeat the text many times.
MAX_CHUNK_CHARACTERS = 50_000_000


@dataclass(frozen=True, slots=True)
class TextSplitter:
    """How to split a text.

    Attributes:
        separator: the text to split at; empty to split between all characters.
        chunk_size: the maximum length of a chunk. A part without a separator can be longer.
        chunk_overlap: the maximum number of characters of a chunk that the next one repeats.
        keep_separator: whether parts keep the separator, at the start (also for True) or the end.

    """

    separator: str
    chunk_size: int
    chunk_overlap: int
    keep_separator: bool | Literal["start", "end"] = False

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            ValueError: the chunk size is not positive, or the overlap is negative or larger than the chunk size.

        """
        if self.chunk_size <= 0:
            raise ValueError(f"the chunk size is {self.chunk_size}, and must be at least 1")
        if self.chunk_overlap < 0:
            raise ValueError(f"the overlap is {self.chunk_overlap}, and must be at least 0")
        if self.chunk_overlap > self.chunk_size:
            raise ValueError(f"the overlap {self.chunk_overlap} is larger than the chunk size {self.chunk_size}")

    def split(self, text: str) -> list[str]:
        """Return the chunks of a text, without white space at their ends.

        Raises:
            ParsingLimitError: the chunks would have more than `MAX_CHUNK_CHARACTERS` characters.

        """
        chunks: list[str] = []
        remaining = MAX_CHUNK_CHARACTERS
        for chunk in self._merge(self._parts(text)):
            remaining -= len(chunk)
            if remaining < 0:
                raise ParsingLimitError(
                    f"The chunks of the text have more than {MAX_CHUNK_CHARACTERS} characters, because they overlap too much. "
                    "Reduce Chunk Overlap or Chunk Size."
                )
            if stripped := chunk.strip():
                chunks.append(stripped)
        return chunks

    def _parts(self, text: str) -> list[str]:
        """Return the parts of a text between separators, without empty ones."""
        if not self.separator:
            return list(text)
        parts = text.split(self.separator)
        if self.keep_separator == "end":
            parts = [part + self.separator for part in parts[:-1]] + parts[-1:]
        elif self.keep_separator:
            parts = parts[:1] + [self.separator + part for part in parts[1:]]
        return [part for part in parts if part]

    def _merge(self, parts: list[str]) -> Iterator[str]:
        """Yield parts joined to chunks."""
        separator = "" if self.keep_separator else self.separator
        window: deque[str] = deque()
        size = 0
        for part in parts:
            added = len(part) + (len(separator) if window else 0)
            if window and size + added > self.chunk_size:
                yield separator.join(window)
                # Keep parts for the overlap, as long as the next part fits.
                while window and (size > self.chunk_overlap or size + added > self.chunk_size):
                    size -= len(window.popleft()) + (len(separator) if window else 0)
                    added = len(part) + (len(separator) if window else 0)
            window.append(part)
            size += added
        if window:
            yield separator.join(window)
