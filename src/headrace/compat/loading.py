"""Component classes from source. To load a source is to run it: who calls this has made sure that it may be run."""

from __future__ import annotations

import ast
import builtins
import re
from types import ModuleType
from typing import Any

from headrace.compat.imports import import_for_code
from headrace.component.component import Component
from headrace.component.source import failed_line
from headrace.errors import HeadraceError

#: What component code has for builtins: Python's own, and imports that know the compat names.
BUILTINS: dict[str, Any] = {**builtins.__dict__, "__import__": import_for_code}

#: Where a run's input goes in and its answer comes out, in the copies of these components that their authors changed.
PLACES: dict[str, tuple[str | None, str | None]] = {
    "ChatInput": ("chat", None),
    "TextInput": ("text", None),
    "ChatOutput": (None, "chat"),
    "TextOutput": (None, "text"),
}

#: The package that components that came with flows say they are of.
MODULES = "custom_components"

#: What a source is called in tracebacks.
_NAME = "<component>"
_UPPER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class ComponentCodeError(HeadraceError):
    """A component's source is no Python, fails when it is loaded, or holds no component; names the line."""


def load_component(code: str) -> type[Component]:
    """Run a source and return the component that it defines, the last one where there are several.

    Raises:
        ComponentCodeError: see there.

    """
    try:
        compiled = compile(ast.parse(code), _NAME, "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ComponentCodeError(f"Invalid Python code: {error}") from error
    module = ModuleType(MODULES)
    module.__dict__["__builtins__"] = BUILTINS
    try:
        exec(compiled, module.__dict__)  # noqa: S102 - the one place where approved code is run
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        line = failed_line(error, _NAME) or 0
        raise ComponentCodeError(f"line {line}: {type(error).__name__}: {error}") from error
    found = [
        value
        for value in module.__dict__.values()
        if isinstance(value, type) and issubclass(value, Component) and value.__module__ == module.__name__
    ]
    if not found:
        raise ComponentCodeError("The source defines no class that inherits from Component.")
    component = found[-1]
    takes, gives = PLACES.get(component.type_name(), (None, None))
    component.takes_input, component.gives_output = component.takes_input or takes, component.gives_output or gives
    component.source = code
    component.display_name = component.display_name or component.type_name()
    component.__module__ = module_name(component.__name__)
    return component


def module_name(class_name: str) -> str:
    """Return what the module of a component that came with a flow is called."""
    return f"{MODULES}.{_UPPER.sub('_', class_name).lower()}"
