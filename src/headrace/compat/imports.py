"""Answers the imports of component code, and of nothing else.

Component code gets an `__import__` of its own. So the names exist for it alone: nothing is put into `sys.modules`, and no
finder of the interpreter knows of them.
"""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any

from headrace.compat.names import INSTEAD, MODULES

ROOTS = ("lfx", "langflow")


class CompatModule(ModuleType):
    """A module that exists for component code."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self._module = name.partition(".")[2]

    def __getattr__(self, name: str) -> Any:
        """Return an object under its name, or a module within this one."""
        if name.startswith("__"):
            raise AttributeError(name)
        target = MODULES.get(self._module, {}).get(name)
        if target is not None:
            module, _, attribute = target.partition(":")
            value = getattr(importlib.import_module(module), attribute)
        elif _exists(inner := f"{self._module}.{name}".lstrip(".")):
            value = module_named(f"{self.__name__.partition('.')[0]}.{inner}")
        else:
            # `from module import name` makes an ImportError of it, which keeps this text.
            raise AttributeError(missing(f"{self.__name__}.{name}"))
        setattr(self, name, value)
        return value


def missing(name: str) -> str:
    """Return what to tell of a name that has no counterpart here."""
    hint = INSTEAD.get(name.split(".")[1] if "." in name else "", "")
    return f"{name} is not there in headrace. {hint}".strip()


def _exists(module: str) -> bool:
    return any(known == module or known.startswith(f"{module}.") for known in MODULES)


@cache
def module_named(name: str) -> CompatModule:
    """Return the module of a name.

    Raises:
        ImportError: there is none; says what to use instead.

    """
    _, _, module = name.partition(".")
    if not _exists(module) and module:
        raise ImportError(missing(name), name=name)
    return CompatModule(name)


def is_compat(name: str) -> bool:
    """Return whether a module's name is one of these."""
    return name.partition(".")[0] in ROOTS


def problem_with(name: str) -> str | None:
    """Return what is wrong with the name of one of these modules, an empty text for nothing, or None for other modules."""
    if not is_compat(name):
        return None
    try:
        module_named(name)
    except ImportError as error:
        return str(error)
    return ""


def import_for_code(
    name: str,
    globals_: Mapping[str, object] | None = None,
    locals_: Mapping[str, object] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    """Import as `__import__` does; the two roots are answered from here."""
    if level or not is_compat(name):
        return builtins.__import__(name, globals_, locals_, fromlist or (), level)
    module = module_named(name)
    for wanted in fromlist or ():
        if wanted != "*" and not hasattr(module, wanted):
            raise ImportError(missing(f"{name}.{wanted}"), name=name)
    return module if fromlist else module_named(name.partition(".")[0])
