"""Format Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def format_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table.

    Args:
        headers: The titles of the columns.
        rows: The cells of each row, as Markdown. A pipe in a cell is escaped.

    """
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(_escape_cell(cell) for cell in line) + " |" for line in lines) + "\n"


def format_code_list(names: Iterable[str]) -> str:
    """Return names as code, with commas between them."""
    return ", ".join(f"`{name}`" for name in names)


def first_paragraph(text: str | None) -> str:
    """Return the first paragraph of a docstring as one line."""
    return " ".join((text or "").strip().split("\n\n", 1)[0].split())


def _escape_cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
