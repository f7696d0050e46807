"""Names of files, as people see them."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 200

#: Control characters, what separates folders, and what some file system or header does not take.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*/\\]')


def clean_name(name: str, instead: str = "file") -> str:
    """Return a name without folders and without characters that a path, a header or a ZIP could trip over.

    `instead` is the name of what has none. A long name keeps its ending.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    # What is no valid text, or shows as nothing, goes too: lone surrogates, and marks that turn the reading direction.
    visible = "".join(c for c in last if unicodedata.category(c) not in {"Cs", "Cf", "Cc", "Co"})
    cleaned = _UNSAFE.sub("_", visible).strip(" .")
    if not cleaned:
        return instead
    stem, dot, ending = cleaned.rpartition(".")
    if not dot or len(ending) > 20:
        return cleaned[:LONGEST]
    return f"{stem[: LONGEST - len(ending) - 1]}.{ending}"
