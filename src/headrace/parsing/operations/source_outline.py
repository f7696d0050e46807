"""The outline of Python source: what can be known about it without running it, as a JSON value of limited size.

An outline has the syntax errors, the imported modules and the top-level statements. Function bodies are left out.

    {"syntax": [message, ...], "imports": [module, ...], "statements": [statement, ...] or null}

A statement is one of

    ["import", module, [[name, alias or null], ...]]        from module import name as alias
    ["class", name, [base name or null, ...], plain, body]  plain: without decorators and keywords
    ["assign", [[name, expression], ...]]                   null instead of the list: a target is not a name
    ["method", name, return type or null]                   in a class body
    ["other"]                                               a statement that has to be run

and an expression one of

    ["constant", value]   ["name", name]   ["list" | "tuple" | "set", [item, ...]]   ["star", expression]
    ["dict", [[key or null, value], ...]]   ["minus" | "not", expression]   ["plus", left, right]
    ["attribute", expression, name]   ["item", expression, index]
    ["call", function, has positional arguments, [[name or null, expression], ...]]   ["other"]

Statements that cannot change a component's node, such as functions, are omitted.
"""

from __future__ import annotations

import ast
import math
import warnings
from typing import Any

from headrace.parsing.operations import text_of

#: Maximum nesting of expressions. Deeper ones become `["other"]`.
MAX_EXPRESSION_DEPTH = 50
#: Maximum number of statements and expressions in an outline. A source with more has no `statements`.
MAX_NODES = 50_000
#: Maximum number of different modules that a source may import.
MAX_IMPORTED_MODULES = 500
#: Maximum length of an error message about the syntax, in characters.
MAX_MESSAGE_LENGTH = 1000
_MAX_INTEGER_BITS = 63
_OTHER: list[Any] = ["other"]


class _TooLargeError(Exception):
    """The outline has more than `MAX_NODES` nodes."""


def outline_source(body: bytes, *, statements: bool) -> tuple[dict[str, Any], str]:
    """Return the outline of a source.

    Args:
        body: the source.
        statements: whether the outline includes the statements.

    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(text_of(body))
        except SyntaxError as error:
            return _problem(str(error)), ""
        except (ValueError, RecursionError, MemoryError) as error:
            return _problem(
                f"This source is nested too deeply or contains characters that are not allowed: {error}"
            ), ""
    modules = _imported_modules(tree)
    if len(modules) > MAX_IMPORTED_MODULES:
        return _problem(f"This source imports more than {MAX_IMPORTED_MODULES} modules. Split it."), ""
    return {"syntax": [], "imports": modules, "statements": _statements(tree) if statements else None}, ""


def _problem(message: str) -> dict[str, Any]:
    # An identifier in the message may have characters that JSON cannot represent.
    text = message[:MAX_MESSAGE_LENGTH].encode("utf-8", "replace").decode()
    return {"syntax": [text], "imports": [], "statements": None}


def _imported_modules(tree: ast.Module) -> list[str]:
    names: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(dict.fromkeys(alias.name for alias in node.names))
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            names[node.module] = None
    return list(names)


def _statements(tree: ast.Module) -> list[Any] | None:
    writer = _OutlineWriter()
    try:
        return [written for statement in tree.body if (written := writer.statement(statement)) is not None]
    except _TooLargeError:
        return None


class _OutlineWriter:
    """Writes statements and expressions, and counts them."""

    def __init__(self) -> None:
        self._nodes = 0

    def _count(self, nodes: int = 1) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _TooLargeError

    def statement(self, statement: ast.stmt) -> list[Any] | None:
        """Return a top-level statement, or None for one that cannot change a component's node."""
        self._count()
        if isinstance(statement, ast.ImportFrom):
            self._count(len(statement.names))
            names = [[alias.name, alias.asname] for alias in statement.names]
            return None if statement.level else ["import", statement.module or "", names]
        if isinstance(statement, ast.ClassDef):
            return self._class(statement)
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            return self._assignment(statement)
        if isinstance(statement, (ast.Import, ast.FunctionDef, ast.AsyncFunctionDef)) or _is_constant(statement):
            return None
        return _OTHER

    def _class(self, node: ast.ClassDef) -> list[Any]:
        self._count(len(node.bases))
        bases = [base.id if isinstance(base, ast.Name) else None for base in node.bases]
        is_plain = not node.decorator_list and not node.keywords
        body = [written for statement in node.body if (written := self._class_statement(statement)) is not None]
        return ["class", node.name, bases, is_plain, body]

    def _class_statement(self, statement: ast.stmt) -> list[Any] | None:
        self._count()
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            returns = None if statement.returns is None else ast.unparse(statement.returns).strip("'\"")
            return ["method", statement.name, returns] if _is_text(returns or "") else _OTHER
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            return self._assignment(statement)
        return None if isinstance(statement, ast.Pass) or _is_constant(statement) else _OTHER

    def _assignment(self, statement: ast.Assign | ast.AnnAssign) -> list[Any] | None:
        if statement.value is None:
            return None
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        if len(names) != len(targets):
            return ["assign", None]
        return ["assign", [[name, self._expression(statement.value, 0)] for name in names]]

    def _expression(self, node: ast.expr, depth: int) -> list[Any]:
        self._count()
        if depth > MAX_EXPRESSION_DEPTH:
            return _OTHER

        def write(child: ast.expr) -> list[Any]:
            return self._expression(child, depth + 1)

        match node:
            case ast.Constant(value=value):
                return ["constant", value] if _is_json(value) else _OTHER
            case ast.Name(id=name):
                return ["name", name]
            case ast.List() | ast.Tuple() | ast.Set():
                return [type(node).__name__.lower(), [write(item) for item in node.elts]]
            case ast.Starred(value=value):
                return ["star", write(value)]
            case ast.Dict(keys=keys, values=values):
                pairs = zip(keys, values, strict=True)
                return ["dict", [[None if key is None else write(key), write(value)] for key, value in pairs]]
            case ast.UnaryOp(op=ast.USub() | ast.Not() as operator, operand=operand):
                return ["minus" if isinstance(operator, ast.USub) else "not", write(operand)]
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return ["plus", write(left), write(right)]
            case ast.Attribute(value=value, attr=name):
                return ["attribute", write(value), name]
            case ast.Subscript(value=value, slice=ast.Constant() | ast.UnaryOp() as index):
                return ["item", write(value), write(index)]
            case ast.Call(func=function, args=args, keywords=keywords):
                return ["call", write(function), bool(args), [[k.arg, write(k.value)] for k in keywords]]
        return _OTHER


def _is_constant(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_json(value: object) -> bool:
    """Return whether JSON can represent a constant."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return value.bit_length() <= _MAX_INTEGER_BITS
    return value is None or (isinstance(value, str) and _is_text(value))


def _is_text(value: str) -> bool:
    """Return whether a text has no lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
