"""Generate the table of optional dependencies from pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tools.reference.markdown import format_code_list, format_table

PYPROJECT = Path(__file__).parent.parent.parent / "pyproject.toml"
_COMMENT_BEFORE_EXTRA = r"^# (?P<purpose>.+)\n{extra} = "


def extras_table() -> str:
    """Return a table of the extras: purpose and packages. The comment above an extra states its purpose."""
    text = PYPROJECT.read_text(encoding="utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    rows = [(f"`{name}`", _purpose(text, name), format_code_list(extras[name])) for name in sorted(extras)]
    return format_table(("extra", "purpose", "packages"), rows)


def _purpose(text: str, extra: str) -> str:
    match = re.search(_COMMENT_BEFORE_EXTRA.format(extra=re.escape(extra)), text, re.MULTILINE)
    if match is None:
        raise ValueError(f"The extra {extra!r} in pyproject.toml has no comment above it that states its purpose.")
    return match["purpose"]
