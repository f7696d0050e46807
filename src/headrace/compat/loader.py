"""Load component classes from source code. Loading executes the code, so callers check the approval first."""

from __future__ import annotations

import ast
import builtins
import re
from types import ModuleType
from typing import Any

from headrace.compat.importer import import_for_code
from headrace.compat.preset_names import preset_values
from headrace.component.author_traceback import COMPONENT_FILE, SOURCE_VARIABLE, exception_text
from headrace.component.component import Component
from headrace.component.source import error_line
from headrace.errors import BadRequestError

#: The builtins of component code: those of Python, with an `__import__` that resolves `lfx` and `langflow`.
BUILTINS: dict[str, Any] = {**builtins.__dict__, "__import__": import_for_code}

#: The input and output kinds of these components, also for copies whose code the author changed.
IO_ROLES: dict[str, tuple[str | None, str | None]] = {
    "ChatInput": ("chat", None),
    "TextInput": ("text", None),
    "ChatOutput": (None, "chat"),
    "TextOutput": (None, "text"),
}

#: The package name of components whose code came with a flow.
CUSTOM_PACKAGE = "custom_components"

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class ComponentCodeError(BadRequestError):
    """Component code is not valid Python, fails while it is loaded, or defines no component.

    Attributes:
        reason: the message without the line.
        line: the line of the code, or None if the error concerns the code as a whole.

    """

    def __init__(self, message: str, *, reason: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason or message
        self.line = line


def load_component(code: str, file_name: str = COMPONENT_FILE) -> type[Component]:
    """Execute component code and return the last component class that it defines.

    Args:
        code: the source.
        file_name: the name of its file in Python's tracebacks.

    Raises:
        ComponentCodeError: the code is not valid Python, fails, or defines no component. Names the line.

    """
    try:
        tree = ast.parse(code)
        compiled = compile(tree, file_name, "exec")
    except SyntaxError as error:
        reason = f"Invalid Python code: {error.msg}"
        raise ComponentCodeError(f"Invalid Python code: {error}", reason=reason, line=error.lineno) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ComponentCodeError(f"Invalid Python code: {error}") from error
    module = ModuleType(CUSTOM_PACKAGE)
    module.__dict__["__builtins__"] = BUILTINS
    module.__dict__.update(preset_values(tree))
    module.__dict__[SOURCE_VARIABLE] = code
    try:
        exec(compiled, module.__dict__)  # noqa: S102 - the only place that executes approved code
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        line = error_line(error, file_name)
        reason = f"{type(error).__name__}: {exception_text(error)}"
        raise ComponentCodeError(f"line {line or 0}: {reason}", reason=reason, line=line) from error
    components = [
        value
        for value in module.__dict__.values()
        if isinstance(value, type) and issubclass(value, Component) and value.__module__ == module.__name__
    ]
    if not components:
        raise ComponentCodeError("The code defines no component. Add a class that inherits from Component.")
    component = components[-1]
    input_kind, output_kind = IO_ROLES.get(component.type_name(), (None, None))
    component.input_kind = component.input_kind or input_kind
    component.output_kind = component.output_kind or output_kind
    component.source = code
    component.display_name = component.display_name or component.type_name()
    component.__module__ = module_name(component.__name__)
    return component


def module_name(class_name: str) -> str:
    """Return the module name of a component whose code came with a flow."""
    return f"{CUSTOM_PACKAGE}.{_WORD_START.sub('_', class_name).lower()}"
