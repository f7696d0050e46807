"""Components in folders that the operator trusts: a folder a category, a file a component, loaded anew when they change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.compat.loading import ComponentCodeError, load_component

if TYPE_CHECKING:
    from headrace.component.component import Component
    from headrace.component.registry import Registry

log = logging.getLogger(__name__)

#: The folders are looked at so often, seconds.
LOOK_EVERY = 1.0

#: A file, when it was changed last, and its size.
Mark = tuple[Path, int, int]


class ComponentFolders:
    """Watches the operator's folders and keeps the registry in step with them."""

    def __init__(self, paths: list[Path], registry: Registry, changed: Callable[[], None]) -> None:
        """Set up.

        Args:
            paths: folders whose subfolders are categories.
            registry: where the components become known.
            changed: told after each change.

        """
        self._paths = paths
        self._registry = registry
        self._changed = changed
        self._marks: list[Mark] = []
        self._loaded: dict[Mark, type[Component]] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load what is there, and go on looking. Without folders nothing is done."""
        if self._paths:
            await self.look()
            self._task = asyncio.create_task(self._watch(), name="component-folders")

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self.look()
            except Exception:
                log.exception("the folders of components could not be read; trying again")

    async def look(self) -> None:
        """Load what is new or changed. A file that cannot be loaded is told in the log; the others go on."""
        marks = await asyncio.to_thread(_marks_in, self._paths)
        if marks == self._marks:
            return
        self._marks = marks
        self._loaded = await asyncio.to_thread(self._load, marks)
        self._registry.set_folders([(mark[0].parent.name, found) for mark, found in self._loaded.items()])
        self._changed()

    def _load(self, marks: list[Mark]) -> dict[Mark, type[Component]]:
        loaded: dict[Mark, type[Component]] = {}
        for mark in marks:
            if mark in self._loaded:
                loaded[mark] = self._loaded[mark]
                continue
            try:
                loaded[mark] = load_component(mark[0].read_text(encoding="utf-8"))
            except (ComponentCodeError, OSError, UnicodeDecodeError) as error:
                log.error("the component %s cannot be loaded: %s", mark[0], error)
        return loaded


def _marks_in(paths: list[Path]) -> list[Mark]:
    files = sorted(file for path in paths for file in path.expanduser().glob("*/*.py") if not file.name.startswith("_"))
    return [(file, status.st_mtime_ns, status.st_size) for file in files for status in [file.stat()]]
