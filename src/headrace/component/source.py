"""Looks at source without running it."""

from __future__ import annotations

import ast
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import PathFinder


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """What is wrong with a source: imports that cannot be found, and where it is no Python."""

    imports: list[str]
    syntax: list[str]


def check_source(code: str, elsewhere: Callable[[str], str | None] | None = None) -> SourceCheck:
    """Parse `code` and look for the modules that it imports, on the disk alone: nothing is imported or run.

    Args:
        code: the source.
        elsewhere: says of a module that is not on the disk what is wrong with it, an empty text for nothing; None for
            modules that it doesn't know.

    """
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        return SourceCheck([], [str(error)])
    except (ValueError, RecursionError, MemoryError) as error:
        return SourceCheck([], [f"This source is nested too deeply, or holds what no source may: {error}"])
    problems: list[str] = []
    for name in _imported(tree):
        known = elsewhere(name) if elsewhere is not None else None
        problem = _problem(name) if known is None else known
        if problem:
            problems.append(problem)
    return SourceCheck(list(dict.fromkeys(problems)), [])


def failed_line(error: BaseException, source_name: str) -> int | None:
    """Return the line at which a source that was compiled as `source_name` failed, or None if the error is not from it."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return next((frame.lineno for frame in frames if frame.filename == source_name), None)


def _imported(tree: ast.Module) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            names.append(node.module)
    return names


def _problem(name: str) -> str | None:
    parts = name.split(".")
    if parts[0] in sys.builtin_module_names or name in sys.modules:
        return None if name in sys.modules or len(parts) == 1 else _no_package(name, parts[0])
    # Importing a package to look into it would run it; a finder that is given the path does not.
    path: list[str] | None = None
    for depth in range(1, len(parts) + 1):
        so_far = ".".join(parts[:depth])
        spec = PathFinder.find_spec(so_far, path)
        if spec is None:
            return f"No module named {so_far!r}"
        if depth < len(parts) and spec.submodule_search_locations is None:
            return _no_package(name, so_far)
        path = list(spec.submodule_search_locations or [])
    return None


def _no_package(name: str, module: str) -> str:
    return f"No module named {name!r}; {module!r} is not a package"
