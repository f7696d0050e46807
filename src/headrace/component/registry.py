"""The registry of component types. It reads the generated manifest and imports a component on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.component.manifest import (
    ManifestEntry,
    entries_of,
    list_modules,
    read_catalog,
    read_earlier_sources,
    read_manifest,
    with_code,
)
from headrace.component.node_json import code_hash, node_json, source_of

if TYPE_CHECKING:
    from types import ModuleType

    from headrace.component.component import Component
    from headrace.component.folder_component import FolderComponent


class Registry:
    """The component types: those of a package, and those of the operator's folders, which take precedence.

    The manifest is verified. `from_package` compares the source of each module with the manifest's hash
    (about 25 µs a module) and imports those that are new or changed. So an edited or added file takes effect in
    a development checkout before the manifest is generated again, and an installed server imports no component.
    """

    def __init__(self) -> None:
        self._package: ModuleType | None = None
        self._entries: dict[str, ManifestEntry] = {}
        #: Components imported so far, by type name.
        self._classes: dict[str, type[Component]] = {}
        #: Types whose node JSON in the generated catalog is up to date.
        self._in_catalog: set[str] = set()
        self._aliases: dict[str, str] = {}
        self._folder_classes: dict[str, type[Component]] = {}
        self._folder_components: list[FolderComponent] = []
        self._types_by_hash: dict[str, str] | None = None

    @classmethod
    def from_package(cls, package: ModuleType) -> Registry:
        """Return the registry of a package whose subpackages are categories.

        A component is a subclass of `Component` with a display name, defined in a module of a category.
        """
        registry = cls()
        registry._package = package
        manifest = read_manifest(package)
        for module in list_modules(package):
            entries = manifest.get(module.name, [])
            if entries and entries[0].source_hash == code_hash(module.read()):
                registry._in_catalog.update(entry.type_name for entry in entries)
            else:
                entries = entries_of(module)
            for entry in entries:
                registry._add_entry(entry)
        return registry

    def add(self, component: type[Component], category: str) -> None:
        """Register a component under a category."""
        self._add_entry(ManifestEntry.of(component, category, code_hash(source_of(component))))
        self._classes[component.type_name()] = component

    def _add_entry(self, entry: ManifestEntry) -> None:
        self._types_by_hash = None
        self._entries[entry.type_name] = entry
        self._aliases.update(dict.fromkeys(entry.aliases, entry.type_name))

    def replace_folder_components(self, components: list[FolderComponent]) -> None:
        """Replace the components of the operator's folders. Each has a type name of its own."""
        self._types_by_hash = None
        self._folder_classes = {loaded.component.type_name(): loaded.component for loaded in components}
        self._folder_components = sorted(components, key=lambda c: (c.category, c.component.type_name()))

    def classes(self) -> list[type[Component]]:
        """Import and return all components of the package."""
        return [self._load(type_name) for type_name in self._entries]

    def find(self, type_name: str) -> type[Component] | None:
        """Return the component of a type name or alias, importing it on first use, or None if it is unknown."""
        if type_name in self._folder_classes:
            return self._folder_classes[type_name]
        type_name = self._aliases.get(type_name, type_name)
        return self._load(type_name) if type_name in self._entries else None

    def find_by_class_name(self, name: str) -> type[Component] | None:
        """Return the package's component of a Python class name, or None if it is unknown."""
        entry = next((entry for entry in self._entries.values() if entry.class_name == name), None)
        return self._load(entry.type_name) if entry is not None else None

    def find_in_folders(self, type_name: str) -> type[Component] | None:
        """Return the operator's own class for a type name, or None."""
        return self._folder_classes.get(type_name)

    def find_by_code(self, code: str) -> type[Component] | None:
        """Return the component whose source `code` is or was in an earlier release, or None if there is none."""
        if self._types_by_hash is None:
            self._types_by_hash = self._earlier_sources()
            self._types_by_hash.update({entry.source_hash: entry.type_name for entry in self._entries.values()})
            self._types_by_hash.update({code_hash(source_of(c)): t for t, c in self._folder_classes.items()})
        type_name = self._types_by_hash.get(code_hash(code))
        return self.find(type_name) if type_name is not None else None

    def _earlier_sources(self) -> dict[str, str]:
        if self._package is None:
            return {}
        earlier = read_earlier_sources(self._package)
        return {digest: type_name for type_name, digests in earlier.items() for digest in digests}

    def catalog(self) -> dict[str, dict[str, Any]]:
        """Return category to type name to node JSON: the body of `GET /api/v1/all`."""
        catalog: dict[str, dict[str, Any]] = {}
        generated = read_catalog(self._package) if self._package is not None else {}
        sources = {module.name: module.read() for module in list_modules(self._package)} if self._package else {}
        for entry in sorted(self._entries.values(), key=lambda entry: (entry.category, entry.type_name)):
            category = catalog.setdefault(entry.category, {})
            if entry.type_name in self._folder_classes:
                continue
            node = (
                generated.get(entry.category, {}).get(entry.type_name) if entry.type_name in self._in_catalog else None
            )
            if node is None:
                category[entry.type_name] = node_json(self._load(entry.type_name))
            else:
                category[entry.type_name] = with_code(node, sources[entry.module])
        for loaded in self._folder_components:
            catalog.setdefault(loaded.category, {})[loaded.component.type_name()] = loaded.node
        return catalog

    def _load(self, type_name: str) -> type[Component]:
        component = self._classes.get(type_name)
        if component is None:
            component = self._classes[type_name] = self._entries[type_name].load()
        return component
