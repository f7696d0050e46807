"""Resolve the imports of component code.

Component code gets a separate `__import__`, so that the modules `lfx` and `langflow` exist for this code only: they are
not in `sys.modules`, and no import finder knows them.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import ModuleType
from typing import Any

from headrace.compat.builtin_components import find_component_class
from headrace.compat.module_map import MODULE_MAP
from headrace.compat.module_map.migration_hints import MIGRATION_HINTS

ROOTS = ("lfx", "langflow")
#: Modules that are kept in memory. Any name below `components` is a module, so that sources can name any number of them.
MAX_MODULES = 4096
#: The module of LangChain with the base class of all chat models.
CHAT_MODELS = "langchain_core.language_models.chat_models"
#: The package of LangChain, and the package that holds the names which version 1 removed from it.
LANGCHAIN, CLASSIC = "langchain", "langchain_classic"
_INSTALL_HINT = "is part of LangChain 0.3. Install it with: pip install 'headrace[classic]'"


class CompatModule(ModuleType):
    """A module of `lfx` or `langflow`, which exists for component code only."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self._module = name.partition(".")[2]

    def __getattr__(self, name: str) -> Any:
        """Return the object or submodule with a name."""
        if name.startswith("__"):
            raise AttributeError(name)
        target = MODULE_MAP.get(self._module, {}).get(name)
        if target is not None:
            value = _resolve(target)
        elif self._module.partition(".")[0] == "components" and (component := find_component_class(name)) is not None:
            value = component
        elif _exists(submodule := f"{self._module}.{name}".lstrip(".")):
            value = module_named(f"{self.__name__.partition('.')[0]}.{submodule}")
        else:
            # `from module import name` turns this into an ImportError with the same message.
            raise AttributeError(missing_name_hint(f"{self.__name__}.{name}"))
        setattr(self, name, value)
        return value


def _resolve(target: str) -> Any:
    module, _, attribute = target.partition(":")
    if module.partition(".")[0] == CLASSIC:
        return getattr(import_classic(module.partition(".")[2]), attribute)
    return getattr(importlib.import_module(module), attribute)


def import_classic(module: str) -> Any:
    """Return a module of LangChain 0.3.

    Raises:
        ImportError: the extra `classic` is not installed.

    """
    try:
        importlib.import_module(CLASSIC)
    except ModuleNotFoundError as error:
        raise ImportError(f"{LANGCHAIN}.{module} {_INSTALL_HINT}", name=f"{LANGCHAIN}.{module}") from error
    return importlib.import_module(f"{CLASSIC}.{module}" if module else CLASSIC)


def missing_name_hint(name: str) -> str:
    """Return an error message for a name that headrace does not provide, with an alternative if there is one."""
    path = name.partition(".")[2]
    hint = next((advice for start, advice in MIGRATION_HINTS.items() if path.startswith(start)), "")
    return f"{name} is not available in headrace. {hint}".strip()


def _exists(module: str) -> bool:
    if module.partition(".")[0] == "components":
        return True
    return any(path == module or path.startswith(f"{module}.") for path in MODULE_MAP)


@lru_cache(maxsize=MAX_MODULES)
def module_named(name: str) -> CompatModule:
    """Return the module with a name.

    Args:
        name: the full name, such as `lfx.schema.data`.

    Raises:
        ImportError: the module does not exist. The message names an alternative if there is one.

    """
    _, _, module = name.partition(".")
    if not _exists(module) and module:
        raise ImportError(missing_name_hint(name), name=name)
    return CompatModule(name)


def is_compat(name: str) -> bool:
    """Return whether a module belongs to `lfx` or `langflow`."""
    return name.partition(".")[0] in ROOTS


def import_problem(name: str) -> str | None:
    """Return why component code cannot import a module.

    Returns:
        The error message, an empty string if the import works, or None for a module of another package.

    """
    if name.partition(".")[0] == LANGCHAIN and importlib.util.find_spec(LANGCHAIN) is None:
        return "" if importlib.util.find_spec(CLASSIC) is not None else f"{name} {_INSTALL_HINT}"
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
    """Import a module of LangChain, or that of version 0.3 if the module or one of the names is missing."""
    try:
        module = builtins.__import__(name, globals_, locals_, fromlist, 0)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != LANGCHAIN:
            raise
    else:
        if all(item == "*" or hasattr(module, item) for item in fromlist):
            return module
    import_classic(name.partition(".")[2])
    return builtins.__import__(CLASSIC + name.removeprefix(LANGCHAIN), globals_, locals_, fromlist, 0)


def import_for_code(
    name: str,
    globals_: Mapping[str, object] | None = None,
    locals_: Mapping[str, object] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    """Import a module like `__import__`, but resolve `lfx`, `langflow` and old names of `langchain` here.

    The tokens of LangChain's chat models are counted as soon as the code can call one.
    """
    module = _import(name, globals_, locals_, fromlist, level)
    if CHAT_MODELS in sys.modules:
        from headrace.models.langchain_usage import count_langchain_calls

        count_langchain_calls()
    return module


def _import(
    name: str,
    globals_: Mapping[str, object] | None,
    locals_: Mapping[str, object] | None,
    fromlist: Sequence[str] | None,
    level: int,
) -> Any:
    if not level and name.partition(".")[0] == LANGCHAIN:
        return _import_langchain(name, globals_, locals_, fromlist or ())
    if level or not is_compat(name):
        return builtins.__import__(name, globals_, locals_, fromlist or (), level)
    module = module_named(name)
    for item in fromlist or ():
        if item != "*" and not hasattr(module, item):
            raise ImportError(missing_name_hint(f"{name}.{item}"), name=name)
    return module if fromlist else module_named(name.partition(".")[0])
