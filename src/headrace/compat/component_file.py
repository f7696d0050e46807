"""Load one component file, and check that its component is complete."""

from __future__ import annotations

import ast
from pathlib import Path

import orjson

from headrace.compat.loader import ComponentCodeError, load_component
from headrace.compat.timed_call import LoadTimeoutError, call_with_timeout
from headrace.component.class_check import check_class
from headrace.component.folder_component import FolderComponent
from headrace.component.load_problem import ComponentFileError, LoadProblem
from headrace.component.node_json import node_json

#: Time to load a file, including the packages that it imports, in seconds.
LOAD_SECONDS = 30.0


def load_component_file(path: Path, timeout_seconds: float = LOAD_SECONDS) -> FolderComponent:
    """Load the component of a file, whose folder is its category. Loading runs the file.

    Raises:
        ComponentFileError: the file cannot be read or loaded, or its component is not complete.

    """
    try:
        code = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise _file_error(path, None, f"The file cannot be read: {reason}.") from error
    try:
        component = call_with_timeout(lambda: load_component(code, str(path)), timeout_seconds)
    except ComponentCodeError as error:
        raise _file_error(path, error.line, " ".join(error.reason.split())) from error
    except LoadTimeoutError as error:
        raise _file_error(path, None, error.message) from error
    try:
        problems = check_class(component, ast.parse(code))
        node = {} if problems else node_json(component)
        orjson.dumps(node)
    except Exception as error:
        # A class can hold any value where a text or a list is expected, and its metaclass can raise any exception.
        raise _file_error(path, None, f"The component has no valid node: {' '.join(str(error).split())}") from error
    if problems:
        raise ComponentFileError([LoadProblem(path, problem.line, problem.message) for problem in problems])
    return FolderComponent(path, path.absolute().parent.name, component, node)


def _file_error(path: Path, line: int | None, message: str) -> ComponentFileError:
    return ComponentFileError([LoadProblem(path, line, message)])
