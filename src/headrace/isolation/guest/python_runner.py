"""Run Python text in a worker and return what it prints and the value of an expression."""

from __future__ import annotations

import ast
import builtins
import importlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.component.source import error_line
from headrace.errors import HeadraceError
from headrace.isolation.guest.limit_errors import exhaustion

#: Length of the printed text, in characters. Further text is dropped.
MAX_STDOUT_LENGTH = 1_000_000
_FILE_NAME = "<python>"


class PythonError(HeadraceError):
    """The code failed. The message names the line."""


def run_python(
    source: str, names: Mapping[str, object], imports: Sequence[str], expression: str | None
) -> tuple[str, Any]:
    """Run code and return what it printed and the value of an expression.

    Args:
        source: statements to run.
        names: global variables of the code.
        imports: modules to import first, under their own names.
        expression: an expression to evaluate afterwards, or None.

    Raises:
        PythonError: the code fails.
        MemoryError: the code needs more memory than the process may use.
        ThreadLimitError: the code needs more threads than the process may use.

    """
    stdout = io.StringIO()

    def capture_print(
        *values: object, sep: str | None = " ", end: str | None = "\n", file: Any = None, flush: bool = False
    ) -> None:
        if file is not None:
            builtins.print(*values, sep=sep, end=end, file=file, flush=flush)
        elif stdout.tell() < MAX_STDOUT_LENGTH:
            builtins.print(*values, sep=sep, end=end, file=stdout)

    namespace: dict[str, Any] = {
        "__name__": "__main__",
        "__builtins__": {**builtins.__dict__, "print": capture_print},
        **names,
    }
    try:
        for module in imports:
            namespace[module.partition(".")[0]] = (
                importlib.import_module(module) if "." not in module else __import__(module)
            )
        exec(compile(ast.parse(source), _FILE_NAME, "exec"), namespace)  # noqa: S102 - this process is confined
        value = eval(compile(expression, _FILE_NAME, "eval"), namespace) if expression is not None else None  # noqa: S307 - as above
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        if exhausted := exhaustion(error):
            raise exhausted from error
        line = error_line(error, _FILE_NAME)
        location = f"line {line}: " if line is not None else ""
        raise PythonError(f"{location}{type(error).__name__}: {error}") from error
    return stdout.getvalue()[:MAX_STDOUT_LENGTH], value
