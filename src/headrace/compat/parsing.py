"""Component classes from source that is read and not run: where all that a node shows of it is written out.

Names stand for what this package answers imports with, and for constants of the source itself; calls are those of inputs and
outputs. Anything else, a decorator or a computed list, cannot be known without running the source.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any

from headrace.compat.component import Component
from headrace.compat.imports import import_for_code, is_compat
from headrace.compat.loading import MODULES, PLACES, module_name
from headrace.component.component import Component as BaseComponent
from headrace.component.inputs import Input, RangeSpec
from headrace.component.output import Output

#: What a class of this package may be asked for by name.
_OF_CLASSES = {"inputs", "outputs", "_base_inputs", "_base_outputs"}
_METHODS_OF_CLASSES = {"get_base_inputs", "get_base_outputs"}
#: What an author may have written for a change of a node, which is run for it.
_EDITING = ("update_build_config", "update_outputs", "__init__")
_MADE = (Input, Output, RangeSpec)
_DEEPEST = 50


class NotWrittenOutError(Exception):
    """Something of a source is known only to who runs it."""


def parse_component(code: str) -> type[BaseComponent] | None:
    """Return the component that a source defines, without its methods' bodies; None where it has to be run to know.

    Nothing of the source is run. Its own methods are there by name and type alone.
    """
    try:
        return _Reader(code).component()
    except (NotWrittenOutError, SyntaxError, ValueError, TypeError, RecursionError, MemoryError, ImportError):
        return None


def edits_itself(component: type[BaseComponent]) -> bool:
    """Return whether a component that was read has code of its author's for edits, which only running it would do."""
    own = [c for c in component.__mro__ if c.__module__.startswith(MODULES)]
    return any(name in vars(c) for c in own for name in _EDITING)


class _Reader:
    """Reads one source."""

    def __init__(self, code: str) -> None:
        self._code = code
        self._names: dict[str, Any] = {}
        self._found: type[Component] | None = None

    def component(self) -> type[BaseComponent]:
        for statement in ast.parse(self._code).body:
            self._take(statement)
        if self._found is None:
            raise NotWrittenOutError
        return self._found

    def _take(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.ImportFrom):
            self._take_import(statement)
        elif isinstance(statement, ast.ClassDef):
            self._take_class(statement)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            for name, value in _assigned(statement):
                # A constant that nothing here needs may be whatever it is.
                self._names[name] = _Late(partial(self._value, value))
        elif not isinstance(statement, (ast.Import, ast.FunctionDef, ast.AsyncFunctionDef)) and not _is_text(statement):
            raise NotWrittenOutError

    def _take_import(self, statement: ast.ImportFrom) -> None:
        module = statement.module or ""
        if statement.level or not is_compat(module):
            return
        for alias in statement.names:
            found = import_for_code(module, fromlist=(alias.name,))
            if alias.name == "*":
                raise NotWrittenOutError
            self._names[alias.asname or alias.name] = getattr(found, alias.name)

    def _take_class(self, node: ast.ClassDef) -> None:
        bases = [self._names.get(base.id) if isinstance(base, ast.Name) else None for base in node.bases]
        if not any(isinstance(base, type) and issubclass(base, BaseComponent) for base in bases):
            # A class beside the component: its name stands for nothing that a node shows.
            return
        if node.decorator_list or node.keywords or len(bases) != 1:
            raise NotWrittenOutError
        attributes: dict[str, Any] = {}
        for statement in node.body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                attributes[statement.name] = _named(statement)
            elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
                for name, value in _assigned(statement):
                    attributes[name] = self._value(value)
            elif not isinstance(statement, ast.Pass) and not _is_text(statement):
                raise NotWrittenOutError
        made: type[Component] = type(node.name, (bases[0],), attributes)  # type: ignore[arg-type]
        made.__module__, made.source = module_name(node.name), self._code
        if any(not isinstance(i, Input) for i in made.inputs) or any(not isinstance(o, Output) for o in made.outputs):
            raise NotWrittenOutError
        takes, gives = PLACES.get(made.type_name(), (None, None))
        made.takes_input, made.gives_output = made.takes_input or takes, made.gives_output or gives
        made.display_name = made.display_name or made.type_name()
        self._names[node.name] = self._found = made

    def _value(self, node: ast.expr, depth: int = 0) -> Any:
        if depth > _DEEPEST:
            raise NotWrittenOutError

        def inner(one: ast.expr) -> Any:
            return self._value(one, depth + 1)

        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self._named_value(node.id)
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            items = [
                item for e in node.elts for item in (list(inner(e.value)) if isinstance(e, ast.Starred) else [inner(e)])
            ]
            return items if isinstance(node, ast.List) else tuple(items) if isinstance(node, ast.Tuple) else set(items)
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            return {k: v for key, value in pairs for k, v in _entries(inner(key) if key else None, inner(value), key)}
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
            found = inner(node.operand)
            return -found if isinstance(node.op, ast.USub) else not found
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = inner(node.left), inner(node.right)
            if type(left) is type(right) and isinstance(left, (str, list)):
                return left + right
        if isinstance(node, ast.Attribute):
            return _attribute(inner(node.value), node.attr)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, (ast.Constant, ast.UnaryOp)):
            holder = inner(node.value)
            if isinstance(holder, (list, dict, tuple)):
                return holder[inner(node.slice)]
        if isinstance(node, ast.Call):
            return self._call(node, inner)
        raise NotWrittenOutError

    def _named_value(self, name: str) -> Any:
        if name not in self._names:
            raise NotWrittenOutError
        found = self._names[name]
        if isinstance(found, _Late):
            del self._names[name]
            found = self._names[name] = found.read()
        return found

    def _call(self, node: ast.Call, inner: Callable[[ast.expr], Any]) -> Any:
        if isinstance(node.func, ast.Attribute):
            owner = inner(node.func.value)
            if _is_component(owner) and node.func.attr in _METHODS_OF_CLASSES and not node.args and not node.keywords:
                return getattr(owner, node.func.attr)()
            raise NotWrittenOutError
        made = inner(node.func)
        if not (isinstance(made, type) and issubclass(made, _MADE)) or node.args:
            raise NotWrittenOutError
        return made(**{k.arg: inner(k.value) for k in node.keywords if k.arg is not None})


class _Late:
    """A constant that is read when something needs it."""

    def __init__(self, read: Callable[[], Any]) -> None:
        self.read = read


def _is_component(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseComponent)


def _attribute(owner: Any, name: str) -> Any:
    if (_is_component(owner) and name in _OF_CLASSES) or (isinstance(owner, type) and issubclass(owner, Enum)):
        return getattr(owner, name)
    if isinstance(owner, Enum) and name == "value":
        return owner.value
    raise NotWrittenOutError


def _assigned(statement: ast.Assign | ast.AnnAssign) -> list[tuple[str, ast.expr]]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    if statement.value is None:
        return []
    if any(not isinstance(target, ast.Name) for target in targets):
        raise NotWrittenOutError
    return [(target.id, statement.value) for target in targets if isinstance(target, ast.Name)]


def _entries(key: Any, value: Any, written: ast.expr | None) -> list[tuple[Any, Any]]:
    return [(key, value)] if written is not None else list(dict(value).items())


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _named(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Callable[..., Any]:
    """Return a method that is there by name and type; it is not the author's, and does nothing."""

    def method(self: Any, *_: Any, **__: Any) -> Any:
        raise NotWrittenOutError

    method.__name__ = function.name
    if function.returns is not None:
        method.__annotations__ = {"return": ast.unparse(function.returns).strip("'\"")}
    return method
