"""Which component types exist. They are found by their folder; there is no list to maintain."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any

from headrace.component.component import Component
from headrace.component.node_json import code_hash, node_json, source_of

if TYPE_CHECKING:
    from types import ModuleType


class Registry:
    """The component classes by type name, with the category of each."""

    def __init__(self) -> None:
        self._classes: dict[str, type[Component]] = {}
        self._former: dict[str, str] = {}
        self._categories: dict[str, list[str]] = {}
        self._by_hash: dict[str, type[Component]] | None = None
        #: The operator's own, which come before the server's of the same type.
        self._in_folders: dict[str, type[Component]] = {}
        self._folders: dict[str, list[str]] = {}

    @classmethod
    def of_package(cls, package: ModuleType) -> Registry:
        """Return the components of a package whose subpackages are categories.

        A component is every `Component` with a display name that a module of a category defines.
        """
        registry = cls()
        for category in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            folder = importlib.import_module(category.name)
            for module in pkgutil.iter_modules(folder.__path__, f"{category.name}."):
                registry._take(category.name.rpartition(".")[2], importlib.import_module(module.name))
        return registry

    def _take(self, category: str, module: ModuleType) -> None:
        for _, found in inspect.getmembers(module, inspect.isclass):
            if issubclass(found, Component) and found.__module__ == module.__name__ and found.display_name:
                self.add(found, category)

    def add(self, component: type[Component], category: str) -> None:
        """Make `component` known under `category`."""
        self._by_hash = None
        self._classes[component.type_name()] = component
        self._former.update(dict.fromkeys(component.formerly, component.type_name()))
        self._categories.setdefault(category, []).append(component.type_name())

    def set_folders(self, found: list[tuple[str, type[Component]]]) -> None:
        """Make the operator's components known by their categories, in place of those that were before."""
        self._by_hash = None
        self._in_folders = {component.type_name(): component for _, component in found}
        self._folders = {}
        for category, component in found:
            self._folders.setdefault(category, []).append(component.type_name())

    def classes(self) -> list[type[Component]]:
        """Return the server's own components."""
        return list(self._classes.values())

    def find(self, type_name: str) -> type[Component] | None:
        """Return the class for a type name of today or of an older flow, or None."""
        own = self._in_folders.get(type_name)
        return own if own is not None else self._classes.get(self._former.get(type_name, type_name))

    def find_by_code(self, code: str) -> type[Component] | None:
        """Return the class whose source this is, or None."""
        if self._by_hash is None:
            everything = [*self._classes.values(), *self._in_folders.values()]
            self._by_hash = {code_hash(source_of(c)): c for c in everything}
        return self._by_hash.get(code_hash(code))

    def catalogue(self) -> dict[str, dict[str, Any]]:
        """Return category to type name to node JSON: the body of `GET /api/v1/all`."""
        categories = {
            c: {t: node_json(self._classes[t]) for t in sorted(types) if t not in self._in_folders}
            for c, types in sorted(self._categories.items())
        }
        for category, types in sorted(self._folders.items()):
            categories.setdefault(category, {}).update({t: node_json(self._in_folders[t]) for t in sorted(types)})
        return categories
