"""Check that a component class is complete: its inputs, its outputs, and the methods that compute them."""

from __future__ import annotations

import ast
import builtins
import inspect
import typing
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from headrace.component.author_traceback import SOURCE_VARIABLE
from headrace.component.component import Component
from headrace.component.inputs import Input
from headrace.component.nearest_name import suggestion
from headrace.component.output import Output
from headrace.component.source_lines import call_line, class_line, names_in_source
from headrace.component.value_conversion import FieldTypeError, convert_value

#: Attributes of a class that a node shows.
TEXT_ATTRIBUTES = ("name", "display_name", "description", "icon", "documentation")
#: Keys of a node's template that are not fields of the author.
RESERVED_FIELDS = frozenset({"code", "_type"})


@dataclass(frozen=True, slots=True)
class ClassProblem:
    """A problem with a class, and its line in the source if it is known."""

    line: int | None
    message: str


def check_class(component: type[Component], tree: ast.Module) -> list[ClassProblem]:
    """Return the problems of a component class.

    Args:
        component: the class.
        tree: the syntax tree of its source, in which the lines are found.

    """
    name = component.__name__
    start = class_line(tree, name)
    problems = [
        ClassProblem(start, f"`{attribute}` of {name} must be a text.")
        for attribute in TEXT_ATTRIBUTES
        if not isinstance(getattr(component, attribute), str)
    ]
    for attribute, kind in (("inputs", Input), ("outputs", Output)):
        members: Any = getattr(component, attribute)
        if not isinstance(members, list):
            problems.append(ClassProblem(start, f"`{attribute}` of {name} must be a list."))
            continue
        for member in members:
            if not isinstance(member, kind):
                message = (
                    f"`{attribute}` of {name} contains {member!r:.100}, which is not an instance of {kind.__name__}."
                )
                problems.append(ClassProblem(start, f"{message} {_likely_kind(member)}".rstrip()))
    if problems:
        return problems
    problems += _check_inputs(component, tree, start)
    problems += _check_outputs(component, tree, start)
    return problems


def _likely_kind(member: object) -> str:
    if isinstance(member, Output):
        return "Move it to `outputs`."
    if isinstance(member, Input):
        return "Move it to `inputs`."
    return "Call the class." if isinstance(member, type) else ""


def _check_inputs(component: type[Component], tree: ast.Module, start: int | None) -> Iterator[ClassProblem]:
    yield from _duplicates("input", [field.name for field in component.inputs], component, tree, start)
    for field in component.inputs:
        line = call_line(tree, "name", field.name) or start
        if not field.name.isidentifier():
            yield ClassProblem(
                line, f"The input name {field.name!r} is not a Python name. Use letters, digits and '_'."
            )
        if field.name in RESERVED_FIELDS:
            yield ClassProblem(line, f"The input name {field.name!r} is reserved. Rename the input.")
        try:
            convert_value(field.field_type, field.value, is_list=bool(getattr(field, "is_list", False)))
        except FieldTypeError as error:
            yield ClassProblem(line, f"The default of the input {field.name!r} has the wrong type: the field {error}.")


def _check_outputs(component: type[Component], tree: ast.Module, start: int | None) -> Iterator[ClassProblem]:
    yield from _duplicates("output", [output.name for output in component.outputs], component, tree, start)
    for output in component.outputs:
        line = call_line(tree, "name", output.name) or start
        method = getattr(component, output.method, None)
        if not callable(method):
            hint = suggestion(output.method, _method_names(component))
            yield ClassProblem(
                line,
                f"The output {output.name!r} needs the method {output.method!r}, which {component.__name__} does not have. {hint}",
            )
        elif not output.types:
            yield from _check_annotation(component, method, tree)


def _check_annotation(component: type[Component], method: Any, tree: ast.Module) -> Iterator[ClassProblem]:
    """Yield a problem for each name in the return annotation of a method that nothing defines.

    Annotations are texts in a module that begins with `from __future__ import annotations`, so Python does not notice.
    """
    function = inspect.unwrap(method)
    annotation = getattr(function, "__annotations__", {}).get("return")
    code = getattr(function, "__code__", None)
    # Methods of base classes belong to other modules.
    if not isinstance(annotation, str) or code is None or SOURCE_VARIABLE not in function.__globals__:
        return
    known = names_in_source(tree) | function.__globals__.keys() | set(dir(builtins)) | set(typing.__all__)
    unknown = [name for name in _names_of(annotation) if name not in known]
    if unknown:
        known_types = sorted(name for name in known if name[:1].isupper() and not name.isupper())
        yield ClassProblem(
            code.co_firstlineno,
            f"The return annotation of {component.__name__}.{method.__name__} contains the unknown name {unknown[0]!r}. "
            f"{_type_suggestion(unknown[0], known_types)}",
        )


def _type_suggestion(name: str, known: Iterable[str]) -> str:
    hint = suggestion(name, known)
    return hint if hint.startswith("Did you mean") else "Import it, or correct the annotation: it sets the port's type."


def _names_of(annotation: str) -> list[str]:
    """Return the names in an annotation, also those in quotes in it; the annotation itself if it is not an expression."""
    try:
        tree = ast.parse(annotation, mode="eval")
    except SyntaxError:
        return [annotation]
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            names.append(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "Literal" not in annotation:
            names += _names_of(node.value)
    return names


def _method_names(component: type[Component]) -> list[str]:
    return [name for name, member in vars(component).items() if inspect.isroutine(member) and not name.startswith("_")]


def _duplicates(
    kind: str, names: list[str], component: type[Component], tree: ast.Module, start: int | None
) -> Iterator[ClassProblem]:
    for name, number in Counter(names).items():
        if number > 1:
            line = call_line(tree, "name", name, occurrence=1) or start
            yield ClassProblem(
                line, f"{component.__name__} has {number} {kind}s with the name {name!r}. Rename one of them."
            )
