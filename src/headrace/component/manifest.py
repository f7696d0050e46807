"""The component manifest: the index of a component package, generated so that the server starts without importing components.

`python -m headrace.component.manifest` writes two files into the package:

- `manifest.json`: for each module the hash of its source and the components that it defines;
- `catalog.json`: category to type name to node JSON, without the source code.

Both are committed. `make lint` runs the command with `--check`, which fails if they are out of date.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from headrace.component.component import Component
from headrace.component.node_json import code_hash, node_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

MANIFEST_FILE = "manifest.json"
CATALOG_FILE = "catalog.json"
EARLIER_SOURCES_FILE = "earlier_sources.json"
DEFAULT_PACKAGE = "headrace.components"


@dataclass(frozen=True, slots=True)
class ComponentModule:
    """A file of a component package: `<package>/<category>/<stem>.py`."""

    name: str
    category: str
    path: Path

    def read(self) -> str:
        """Return the module's source."""
        return self.path.read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A component as the manifest lists it."""

    type_name: str
    category: str
    module: str
    class_name: str
    aliases: tuple[str, ...]
    #: The first 12 hex digits of the SHA-256 of the module's source; see `code_hash`.
    source_hash: str

    @classmethod
    def of(cls, component: type[Component], category: str, source_hash: str) -> ManifestEntry:
        """Return the entry of an imported component."""
        return cls(
            component.type_name(),
            category,
            component.__module__,
            component.__name__,
            tuple(component.aliases),
            source_hash,
        )

    def load(self) -> type[Component]:
        """Import the component's module and return the component."""
        component: type[Component] = getattr(importlib.import_module(self.module), self.class_name)
        return component


def list_modules(package: ModuleType) -> Iterator[ComponentModule]:
    """Yield the modules of a component package, sorted by name, without importing any."""
    for root in package.__path__:
        for path in sorted(Path(root).glob("[!_.]*/[!_.]*.py")):
            category = path.parent.name
            yield ComponentModule(f"{package.__name__}.{category}.{path.stem}", category, path)


def import_components(module: ComponentModule) -> list[type[Component]]:
    """Import a module and return the components that it defines: each `Component` with a display name."""
    imported = importlib.import_module(module.name)
    return [
        member
        for _, member in inspect.getmembers(imported, inspect.isclass)
        if issubclass(member, Component) and member.__module__ == module.name and member.display_name
    ]


def entries_of(module: ComponentModule) -> list[ManifestEntry]:
    """Import a module and return an entry for each of its components."""
    source_hash = code_hash(module.read())
    return [ManifestEntry.of(component, module.category, source_hash) for component in import_components(module)]


def read_manifest(package: ModuleType) -> dict[str, list[ManifestEntry]]:
    """Return a package's manifest: module name to entries. The result is empty if the package has no manifest."""
    entries: dict[str, list[ManifestEntry]] = {}
    for row in _read_json(package, MANIFEST_FILE, []):
        entry = ManifestEntry(**{**row, "aliases": tuple(row["aliases"])})
        entries.setdefault(entry.module, []).append(entry)
    return entries


def read_catalog(package: ModuleType) -> dict[str, dict[str, Any]]:
    """Return a package's generated catalog: category to type name to node JSON without source code."""
    catalog: dict[str, dict[str, Any]] = _read_json(package, CATALOG_FILE, {})
    return catalog


def read_earlier_sources(package: ModuleType) -> dict[str, list[str]]:
    """Return the hashes of sources that earlier releases had: type name to hashes.

    Saved flows carry the source of the release that saved them, by which a node is recognised as the server's own.
    """
    hashes: dict[str, list[str]] = _read_json(package, EARLIER_SOURCES_FILE, {})
    return hashes


def add_released_sources(package: ModuleType) -> bytes:
    """Return the content of the file of earlier sources with the present sources added."""
    hashes = {name: set(values) for name, values in read_earlier_sources(package).items()}
    for module in list_modules(package):
        for entry in entries_of(module):
            hashes.setdefault(entry.type_name, set()).add(entry.source_hash)
    return _to_json({name: sorted(values) for name, values in sorted(hashes.items())})


def generate(package: ModuleType) -> dict[str, bytes]:
    """Import every component of a package and return the content of its generated files by file name."""
    entries: list[ManifestEntry] = []
    catalog: dict[str, dict[str, Any]] = {}
    for module in list_modules(package):
        for entry in entries_of(module):
            entries.append(entry)
            catalog.setdefault(entry.category, {})[entry.type_name] = without_code(node_json(entry.load()))
    return {MANIFEST_FILE: _to_json([asdict(entry) for entry in entries]), CATALOG_FILE: _to_json(catalog)}


def without_code(node: dict[str, Any]) -> dict[str, Any]:
    """Return node JSON without its source and source hash; `with_code` adds them from the file."""
    return _replace_code(node, "", "")


def with_code(node: dict[str, Any], source: str) -> dict[str, Any]:
    """Return node JSON with its source and source hash."""
    return _replace_code(node, source, code_hash(source))


def _replace_code(node: dict[str, Any], source: str, source_hash: str) -> dict[str, Any]:
    code_field = {**node["template"]["code"], "value": source}
    return {
        **node,
        "template": {**node["template"], "code": code_field},
        "metadata": {**node["metadata"], "code_hash": source_hash},
    }


def _read_json(package: ModuleType, name: str, default: Any) -> Any:
    path = Path(package.__path__[0], name)
    return orjson.loads(path.read_bytes()) if path.exists() else default


def _to_json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def main(arguments: list[str] | None = None) -> int:
    """Write a package's generated files, or check them, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m headrace.component.manifest", description=main.__doc__)
    parser.add_argument("--package", default=DEFAULT_PACKAGE, help="component package (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is out of date")
    parser.add_argument("--release", action="store_true", help="record the present sources as released")
    options = parser.parse_args(arguments)
    package = importlib.import_module(options.package)
    if options.release:
        Path(package.__path__[0], EARLIER_SOURCES_FILE).write_bytes(add_released_sources(package))
        return 0
    files = {Path(package.__path__[0], name): content for name, content in generate(package).items()}
    outdated = [path for path, content in files.items() if not path.exists() or path.read_bytes() != content]
    if options.check:
        for path in outdated:
            sys.stderr.write(f"{path.name} of {options.package} is out of date. Run `make manifest`.\n")
        return 1 if outdated else 0
    for path in outdated:
        path.write_bytes(files[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
