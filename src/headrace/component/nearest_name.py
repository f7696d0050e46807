"""Find the name that the author of a misspelt one probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

#: Names that are compared, and the length of a name, in characters. The comparison takes time on the event loop.
MAX_COMPARED_NAMES = 100
MAX_NAME_CHARACTERS = 40


def nearest_name(name: str, names: Iterable[str]) -> str | None:
    """Return the most similar of `names`, regardless of case, or None if none is similar.

    >>> nearest_name("temprature", ["model", "temperature"])
    'temperature'
    """
    by_key = {
        other.casefold(): other for other in islice(names, MAX_COMPARED_NAMES) if len(other) < MAX_NAME_CHARACTERS
    }
    found = difflib.get_close_matches(name[:MAX_NAME_CHARACTERS].casefold(), by_key, n=1)
    return by_key[found[0]] if found else None


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return the sentence of an error message that suggests a name, or lists short choices if none is similar."""
    known = list(islice(names, MAX_COMPARED_NAMES))
    nearest = nearest_name(name, known)
    if nearest is not None:
        return f"Did you mean {nearest!r}?"
    return f"Choose from: {', '.join(known[:20])}." if known else "There are none."
