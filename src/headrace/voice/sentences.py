"""Divides an answer into pieces that are spoken one after the other, so that the first audio comes early."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Characters of a piece. OpenAI's API accepts 4,096.
MAX_PIECE_CHARACTERS = 1000
#: Characters of an answer that are spoken.
MAX_SPOKEN_CHARACTERS = 20_000

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")


def split_sentences(text: str) -> Iterator[str]:
    """Yield the first sentence, and the others in larger pieces.

    >>> list(split_sentences("Hello there! It is 3.5 degrees. Take care."))
    ['Hello there!', 'It is 3.5 degrees. Take care.']
    """
    piece, is_first = "", True
    for sentence in _SENTENCE_END.split(text[:MAX_SPOKEN_CHARACTERS].strip()):
        if piece and (is_first or len(piece) + len(sentence) >= MAX_PIECE_CHARACTERS):
            yield piece
            piece, is_first = "", False
        piece = f"{piece} {sentence}".strip()
        while len(piece) > MAX_PIECE_CHARACTERS:
            yield piece[:MAX_PIECE_CHARACTERS]
            piece, is_first = piece[MAX_PIECE_CHARACTERS:].strip(), False
    if piece:
        yield piece
