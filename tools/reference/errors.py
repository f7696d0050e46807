"""Generate the table of errors by HTTP status."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import headrace
from headrace.errors import HeadraceError
from tools.reference.markdown import first_paragraph, format_table

#: Packages whose modules run on import, or stand in for modules of another package.
EXCLUDED_PACKAGES = (
    "headrace.compat.lfx",
    "headrace.db.migrations",
    "headrace.isolation.guest",
    "headrace.models.local_server_main",
)


def errors_table() -> str:
    """Return a table of every error class with the status of its response."""
    _import_all_modules()
    classes = {e for e in _subclasses(HeadraceError) if e.__module__.startswith("headrace.")}
    rows = [
        (str(e.status_code), f"`{e.__name__}`", first_paragraph(e.__doc__))
        for e in sorted(classes, key=lambda e: (e.status_code, e.__module__ != "headrace.errors", e.__name__))
    ]
    return format_table(("status", "class", "meaning"), rows)


def _import_all_modules() -> None:
    for module in pkgutil.walk_packages(headrace.__path__, "headrace."):
        if not module.name.startswith(EXCLUDED_PACKAGES) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _subclasses(parent: type[HeadraceError]) -> Iterator[type[HeadraceError]]:
    for child in parent.__subclasses__():
        yield child
        yield from _subclasses(child)
