"""Names of tools: valid in every client, and unique in a list."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

#: Clients put the name of the server before that of the tool, and models accept names of 64 characters.
MAX_NAME_CHARACTERS = 46
_SEPARATORS = re.compile(r"[^A-Za-z0-9_-]+")
_FALLBACK = "flow"


def clean_name(name: str) -> str:
    """Return a name of letters, digits, `_` and `-` of ASCII; accents are dropped."""
    ascii_text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    cleaned = _SEPARATORS.sub("_", ascii_text).strip("_-")
    if cleaned[:1].isdigit():
        cleaned = f"_{cleaned}"
    return cleaned[:MAX_NAME_CHARACTERS].rstrip("_-") or _FALLBACK


def unique_names(names: Iterable[str]) -> list[str]:
    """Return the names in their order; a name that occurs again gets a number, as in `echo_2`."""
    used: set[str] = set()
    result: list[str] = []
    for name in names:
        unique, number = name, 1
        while unique in used:
            number += 1
            suffix = f"_{number}"
            unique = name[: MAX_NAME_CHARACTERS - len(suffix)] + suffix
        used.add(unique)
        result.append(unique)
    return result
