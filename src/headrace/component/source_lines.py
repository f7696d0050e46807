"""Find places and names in the syntax tree of a component's source."""

from __future__ import annotations

import ast


def class_line(tree: ast.Module, name: str) -> int | None:
    """Return the line at which a class is defined, or None if the source does not define it with a class statement."""
    return next(
        (node.lineno for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == name),
        None,
    )


def call_line(tree: ast.Module, keyword: str, value: str, *, occurrence: int = 0) -> int | None:
    """Return the line of a call with a constant text as keyword argument, such as `name="text"`, or None if there is none.

    Args:
        tree: the syntax tree.
        keyword: the name of the argument.
        value: the text.
        occurrence: the number of earlier such calls to skip.

    """
    lines = sorted(
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and any(
            argument.arg == keyword and isinstance(argument.value, ast.Constant) and argument.value.value == value
            for argument in node.keywords
        )
    )
    return lines[occurrence] if occurrence < len(lines) else None


def names_in_source(tree: ast.Module) -> set[str]:
    """Return the names that a source imports or defines anywhere, also under `if TYPE_CHECKING`."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names
