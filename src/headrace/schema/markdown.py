"""Write a table as padded Markdown, in the form of pandas' `DataFrame.to_markdown(index=False)`.

pandas uses the package tabulate for this. The module follows its rules for pipe tables, except for colors and wide
characters: a column of numbers is aligned at the decimal point, any other column to the left, and a cell with line breaks
spans several lines.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from enum import IntEnum

from headrace.schema.text_size import check_text, limited_texts

#: Columns are wider than their header by at least this many characters.
HEADER_PADDING = 2

_LINE_BREAK = re.compile(r"[\r\n]")
#: Numbers as tabulate recognises them, which includes a text of a single line break.
_WITH_THOUSANDS = re.compile(r"([+-]?\d{1,3}(,\d{3})*(\.\d*)?|\.\d+|)$", re.ASCII)
_NOT_FINITE = {"inf", "-inf", "nan"}


class _Kind(IntEnum):
    """The kind of a cell. The kind of a column is the greatest of its cells' kinds."""

    EMPTY = 0
    BOOLEAN = 1
    INTEGER = 2
    NUMBER = 3
    TEXT = 4


def markdown_table(columns: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """Return a table as padded Markdown.

    Args:
        columns: the names of the columns.
        rows: the cells of each row, one per column, as in the `values` of a pandas table.

    """
    headers = [str(name) for name in columns]
    if not headers:
        return ""
    cells = list(zip(*rows, strict=True)) if len(rows) else [()] * len(headers)
    multiline = any(_LINE_BREAK.search(str(text)) for group in (headers, *cells) for text in group)
    rendered = [_Column(header, column, multiline) for header, column in zip(headers, cells, strict=True)]
    _check_size(rendered, len(rows))
    for column in rendered:
        column.pad()
    head = _row_lines([column.header for column in rendered], rendered, multiline)
    separator = "|" + "|".join(column.separator() for column in rendered) + "|"
    body = [
        line
        for row in zip(*(column.cells for column in rendered), strict=True)
        for line in _row_lines(row, rendered, multiline)
    ]
    return "\n".join([*head, separator, *body])


def _check_size(columns: Sequence[_Column], row_count: int) -> None:
    """Check the size of the padded table: a long cell widens all rows.

    Raises:
        ByteLimitError: the table would be too large.

    """
    heights = [max(column.heights[row] for column in columns) for row in range(row_count)] if columns else []
    width = sum(column.width + len(" | ") for column in columns)
    check_text(width * (sum(heights) + 2), "The table", is_ascii=all(column.is_ascii for column in columns))


class _Column:
    """A column with its texts, which `pad` pads to the same width."""

    def __init__(self, header: str, cells: Sequence[object], multiline: bool) -> None:
        kind = max((_kind(cell) for cell in cells), default=_Kind.BOOLEAN)
        self.is_empty = not cells
        self.is_number = kind in {_Kind.INTEGER, _Kind.NUMBER}
        self.multiline = multiline
        # The same large value may occur in many cells.
        texts = list(limited_texts((_text(cell, kind) for cell in cells), "The table"))
        texts = _align_decimal_points(texts) if self.is_number else [text.strip() for text in texts]
        widths = [self._width_of(text) for text in texts]
        self.width = max([self._width_of(header) + HEADER_PADDING, *widths])
        self.is_ascii = header.isascii() and all(map(str.isascii, texts))
        self.heights = [len(text.splitlines()) if multiline else 1 for text in texts]
        self.cells = texts
        self.header = header

    def pad(self) -> None:
        """Pad the texts and the header."""
        self.cells = [self._pad(text.splitlines() if self.multiline else [text]) for text in self.cells]
        self.header = self._pad(_LINE_BREAK.split(self.header))

    def _width_of(self, text: str) -> int:
        return max(map(len, _LINE_BREAK.split(text))) if self.multiline else len(text)

    def _pad(self, lines: Sequence[str]) -> str:
        return "\n".join(line.rjust(self.width) if self.is_number else line.ljust(self.width) for line in lines)

    def separator(self) -> str:
        """Return the column's part of the line below the header, with a colon on the side of the alignment."""
        if self.is_empty:
            return "-" * (self.width + 2)
        dashes = "-" * (self.width + 1)
        return f"{dashes}:" if self.is_number else f":{dashes}"


def _row_lines(cells: Sequence[str], columns: Sequence[_Column], multiline: bool) -> list[str]:
    if not multiline:
        return [f"| {' | '.join(cells)} |"]
    parts = [cell.splitlines() for cell in cells]
    height = max(map(len, parts))
    return [
        "| "
        + " | ".join(part[i] if i < len(part) else " " * c.width for part, c in zip(parts, columns, strict=True))
        + " |"
        for i in range(height)
    ]


def _kind(cell: object) -> _Kind:
    if cell is None or cell == "":
        return _Kind.EMPTY
    if hasattr(cell, "isoformat"):
        return _Kind.TEXT
    if type(cell) is bool or (isinstance(cell, str) and cell in {"True", "False"}):
        return _Kind.BOOLEAN
    if _is_integer(cell):
        return _Kind.INTEGER
    return _Kind.NUMBER if _is_number(cell) or _has_thousands(cell) else _Kind.TEXT


def _is_integer(cell: object) -> bool:
    if isinstance(cell, str):
        return _converts(int, cell) or (_has_thousands(cell) and "." not in cell)
    kind = type(cell)
    return kind is int or (kind.__module__ == "numpy" and kind.__name__.startswith("int"))


def _is_number(cell: object) -> bool:
    if not _converts(float, cell):
        return False
    return not isinstance(cell, str) or math.isfinite(float(cell)) or cell.lower() in _NOT_FINITE


def _has_thousands(cell: object) -> bool:
    return isinstance(cell, str) and _WITH_THOUSANDS.match(cell) is not None


def _converts(convert: type[int] | type[float], cell: object) -> bool:
    try:
        convert(cell)  # type: ignore[call-overload, arg-type]  # the function tests whether the value is accepted
    except (ValueError, TypeError, OverflowError):
        return False
    return True


def _text(cell: object, kind: _Kind) -> str:
    """Return the text of a cell in a column of a kind. Numbers have at most six significant digits."""
    if cell is None:
        return ""
    if kind is not _Kind.NUMBER or cell == "":
        return str(cell)
    number = cell.replace(",", "") if isinstance(cell, str) else cell
    return format(float(number), "g") if _converts(float, number) else str(number)  # type: ignore[arg-type]  # converts


def _align_decimal_points(texts: Sequence[str]) -> list[str]:
    """Return numbers padded on the right so that their decimal points are aligned."""
    decimals = [_decimals(text) for text in texts]
    return [text + " " * (max(decimals) - count) for text, count in zip(texts, decimals, strict=True)]


def _decimals(text: str) -> int:
    """Return the number of characters after the decimal point, else after the exponent's `e`, else -1."""
    if _converts(int, text) or not (_is_number(text) or _has_thousands(text)):
        return -1
    point = text.rfind(".")
    point = text.lower().rfind("e") if point < 0 else point
    return len(text) - point - 1 if point >= 0 else -1
