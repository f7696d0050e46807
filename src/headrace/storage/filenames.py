"""Sanitized names of files."""

from __future__ import annotations

import re
import unicodedata

#: The maximum length of a sanitized name in characters.
MAX_NAME_LENGTH = 200

#: Control characters, path separators, and characters that some file systems or headers reject.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*/\\]')


def sanitize_filename(name: str, default: str = "file") -> str:
    """Return a name without folders and without characters that are unsafe in a path, a header or a ZIP.

    If nothing remains, the name is `default`. A truncated name keeps its extension.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    # Also removes lone surrogates and invisible characters, such as marks that change the text direction.
    visible = "".join(c for c in last if unicodedata.category(c) not in {"Cs", "Cf", "Cc", "Co"})
    cleaned = _UNSAFE.sub("_", visible).strip(" .")
    if not cleaned:
        return default
    stem, dot, ending = cleaned.rpartition(".")
    if not dot or len(ending) > 20:
        return cleaned[:MAX_NAME_LENGTH]
    return f"{stem[: MAX_NAME_LENGTH - len(ending) - 1]}.{ending}"
