"""Answers the imports of component code, and of nothing else.

Component code gets an `__import__` of its own. So the names exist for it alone: nothing is put into `sys.modules`, and no
finder of the interpreter knows of them.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any

from headrace.compat.library import component_named
from headrace.compat.names import INSTEAD, MODULES

ROOTS = ("lfx", "langflow")
#: LangChain before version 1, and where its names are since.
LANGCHAIN, CLASSIC = "langchain", "langchain_classic"
_EXTRA = "is of LangChain 0.3. Install it with: pip install 'headrace[classic]'"


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
            value = _object(target)
        elif self._module.partition(".")[0] == "components" and (found := component_named(name)) is not None:
            value = found
        elif _exists(inner := f"{self._module}.{name}".lstrip(".")):
            value = module_named(f"{self.__name__.partition('.')[0]}.{inner}")
        else:
            # `from module import name` makes an ImportError of it, which keeps this text.
            raise AttributeError(missing(f"{self.__name__}.{name}"))
        setattr(self, name, value)
        return value


def _object(target: str) -> Any:
    module, _, attribute = target.partition(":")
    if module.partition(".")[0] == CLASSIC:
        return getattr(classic(module.partition(".")[2]), attribute)
    return getattr(importlib.import_module(module), attribute)


def classic(module: str) -> Any:
    """Return a module of LangChain as it was before version 1.

    Raises:
        ImportError: the extra `classic` isn't installed; says how to get it.

    """
    try:
        importlib.import_module(CLASSIC)
    except ModuleNotFoundError as error:
        raise ImportError(f"{LANGCHAIN}.{module} {_EXTRA}", name=f"{LANGCHAIN}.{module}") from error
    return importlib.import_module(f"{CLASSIC}.{module}" if module else CLASSIC)


def missing(name: str) -> str:
    """Return what to tell of a name that has no counterpart here."""
    inner = name.partition(".")[2]
    hint = next(
        (told for known, told in INSTEAD.items() if inner == known or inner.startswith((f"{known}.", known))), ""
    )
    return f"{name} is not there in headrace. {hint}".strip()


def _exists(module: str) -> bool:
    if module.partition(".")[0] == "components":
        return True
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
    if name.partition(".")[0] == LANGCHAIN and importlib.util.find_spec(LANGCHAIN) is None:
        return "" if importlib.util.find_spec(CLASSIC) is not None else f"{name} {_EXTRA}"
    if not is_compat(name):
        return None
    try:
        module_named(name)
    except ImportError as error:
        return str(error)
    return ""


def _import_langchain(
    name: str,
    globals_: Mapping[str, object] | None,
    locals_: Mapping[str, object] | None,
    fromlist: Sequence[str],
) -> Any:
    """Import of LangChain what is there, and the rest as it was before version 1."""
    try:
        found = builtins.__import__(name, globals_, locals_, fromlist, 0)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != LANGCHAIN:
            raise
    else:
        if all(wanted == "*" or hasattr(found, wanted) for wanted in fromlist):
            return found
    classic(name.partition(".")[2])
    return builtins.__import__(CLASSIC + name.removeprefix(LANGCHAIN), globals_, locals_, fromlist, 0)


def import_for_code(
    name: str,
    globals_: Mapping[str, object] | None = None,
    locals_: Mapping[str, object] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    """Import as `__import__` does; the two roots are answered from here."""
    if not level and name.partition(".")[0] == LANGCHAIN:
        return _import_langchain(name, globals_, locals_, fromlist or ())
    if level or not is_compat(name):
        return builtins.__import__(name, globals_, locals_, fromlist or (), level)
    module = module_named(name)
    for wanted in fromlist or ():
        if wanted != "*" and not hasattr(module, wanted):
            raise ImportError(missing(f"{name}.{wanted}"), name=name)
    return module if fromlist else module_named(name.partition(".")[0])
