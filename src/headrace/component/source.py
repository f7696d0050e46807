"""Checks of Python source that do not run it."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

from headrace.parsing.parser import utf8

if TYPE_CHECKING:
    from headrace.parsing.parser import Parser


@dataclass(frozen=True, slots=True)
class SourceOutline:
    """The syntax errors, imported modules and statements of a source; see `parsing.operations.source_outline`.

    Attributes:
        syntax: the syntax errors.
        imports: the names of the imported modules.
        statements: the top-level statements; None if the source has to be run or the statements were not requested.

    """

    syntax: list[str]
    imports: list[str]
    statements: list[Any] | None


async def outline_source(parser: Parser, code: str, *, statements: bool = False) -> SourceOutline:
    """Return the outline of a source.

    Args:
        parser: parses the source.
        code: the source.
        statements: whether the outline includes the statements.

    Raises:
        ParsingLimitError: the source takes too long to parse.

    """
    parsed = await parser.call("outline_source", utf8(code), statements=statements)
    return SourceOutline(**parsed.value)


def import_problems(modules: list[str], resolve_import: Callable[[str], str | None] | None = None) -> list[str]:
    """Look modules up on disk and return the problems with them. Nothing is imported or run.

    Args:
        modules: the names of the modules.
        resolve_import: returns the problem with a module that does not exist on disk: an empty string if there is
            none, or None if the module is unknown and is looked up on disk.

    """
    problems: list[str] = []
    for name in modules:
        resolved = resolve_import(name) if resolve_import is not None else None
        problem = _problem(name) if resolved is None else resolved
        if problem:
            problems.append(problem)
    return list(dict.fromkeys(problems))


def error_line(error: BaseException, source_name: str) -> int | None:
    """Return the line of the source compiled as `source_name` that raised `error`, or None for an error from elsewhere."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return next((frame.lineno for frame in frames if frame.filename == source_name), None)


def _problem(name: str) -> str | None:
    """Return the problem with an imported module, or None if it exists."""
    parts = name.split(".")
    if parts[0] in sys.builtin_module_names or name in sys.modules:
        return None if name in sys.modules or len(parts) == 1 else _not_a_package(name, parts[0])
    # Importing a package would run it. A finder with an explicit path does not.
    path: list[str] | None = None
    for depth in range(1, len(parts) + 1):
        parent = ".".join(parts[:depth])
        spec = PathFinder.find_spec(parent, path)
        if spec is None:
            return f"No module named {parent!r}"
        if depth < len(parts) and spec.submodule_search_locations is None:
            return _not_a_package(name, parent)
        path = list(spec.submodule_search_locations or [])
    return None


def _not_a_package(name: str, module: str) -> str:
    return f"No module named {name!r}; {module!r} is not a package"
