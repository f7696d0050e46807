"""Change one part of a JSON file of another program: everything else in it stays as it is."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any
from uuid import uuid4

from headrace.errors import ConflictError

#: The size of the largest file that is changed, in bytes.
MAX_FILE_BYTES = 20_000_000
_DEFAULT_INDENT = 2
#: The mode of a new file, which may contain credentials.
_NEW_FILE_MODE = 0o600


class ForeignFileError(ConflictError):
    """A file of another program cannot be changed safely."""


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; an empty object if the file is missing or empty.

    Raises:
        ForeignFileError: The file is a link, too large, or not a JSON object, for example because of comments.

    """
    return _parse(path, _read(path))


def write_object(path: Path, value: dict[str, Any]) -> None:
    """Replace the JSON object in a file at once, with the indentation and the mode of the file.

    Raises:
        ForeignFileError: The file is a link, or it cannot be written.

    """
    text = _read(path)
    content = json.dumps(value, indent=_indent(text), ensure_ascii=False) + "\n"
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else _NEW_FILE_MODE
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ForeignFileError(f"The file {path} cannot be written: {error.strerror}.") from error


def _read(path: Path) -> str:
    if path.is_symlink() or path.parent.is_symlink():
        raise ForeignFileError(f"The file {path} is a symbolic link. Add the server to its target by hand.")
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ForeignFileError(f"The file {path} is larger than {MAX_FILE_BYTES} bytes.")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ForeignFileError(f"The file {path} cannot be read: {error}.") from error


def _parse(path: Path, text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ForeignFileError(
            f"The file {path} is not plain JSON, perhaps because of comments, which a change would remove: {error}. "
            "Add the server by hand."
        ) from error
    if not isinstance(value, dict):
        raise ForeignFileError(f"The file {path} is not a JSON object.")
    return value


def _indent(text: str) -> int | str:
    """Return the indentation of the first indented line."""
    for line in text.splitlines():
        stripped = line.lstrip(" \t")
        if stripped and stripped != line:
            leading = line[: len(line) - len(stripped)]
            return leading if "\t" in leading else len(leading)
    return _DEFAULT_INDENT
