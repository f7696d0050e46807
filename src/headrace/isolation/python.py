"""A piece of Python in a worker: what it prints, and a value."""

from __future__ import annotations

import ast
import builtins
import importlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.component.source import failed_line
from headrace.errors import HeadraceError

#: The longest text that is kept of what code prints, characters.
LONGEST = 1_000_000
_NAME = "<python>"


class PythonError(HeadraceError):
    """Code failed; names its line."""


def run_python(
    source: str, names: Mapping[str, object], imports: Sequence[str], expression: str | None
) -> tuple[str, Any]:
    """Run code, and return what it printed and the value of an expression after it.

    Args:
        source: the code.
        names: values that it finds.
        imports: modules that it finds under their names.
        expression: what is evaluated; None for nothing.

    Raises:
        PythonError: it fails.
        MemoryError: it needs too much memory.

    """
    printed = io.StringIO()

    def tell(
        *values: object, sep: str | None = " ", end: str | None = "\n", file: Any = None, flush: bool = False
    ) -> None:
        if file is not None:
            builtins.print(*values, sep=sep, end=end, file=file, flush=flush)
        elif printed.tell() < LONGEST:
            builtins.print(*values, sep=sep, end=end, file=printed)

    found: dict[str, Any] = {"__name__": "__main__", "__builtins__": {**builtins.__dict__, "print": tell}, **names}
    try:
        for module in imports:
            found[module.partition(".")[0]] = (
                importlib.import_module(module) if "." not in module else __import__(module)
            )
        exec(compile(ast.parse(source), _NAME, "exec"), found)  # noqa: S102 - in a process that is closed in
        value = eval(compile(expression, _NAME, "eval"), found) if expression is not None else None  # noqa: S307 - as above
    except MemoryError:
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        line = failed_line(error, _NAME)
        where = f"line {line}: " if line is not None else ""
        raise PythonError(f"{where}{type(error).__name__}: {error}") from error
    return printed.getvalue()[:LONGEST], value
