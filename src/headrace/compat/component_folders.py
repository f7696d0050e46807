"""Load components from the operator's folders, and reload them when files change.

Each subfolder is a category, and each file in it holds one component. A file that cannot be loaded any more keeps its last
good version.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.compat.component_file import LOAD_SECONDS, load_component_file
from headrace.compat.folder_scan import FileStamp, FolderScan, scan_folders
from headrace.component.load_problem import ComponentFileError, LoadProblem

if TYPE_CHECKING:
    from headrace.component.folder_component import FolderComponent
    from headrace.component.registry import Registry

log = logging.getLogger(__name__)

#: Interval between checks for changed files.
POLL_INTERVAL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as it was read last: its component, or that of its last good version, and its problems."""

    stamp: FileStamp
    loaded: FolderComponent | None
    problems: tuple[LoadProblem, ...] = ()


class ComponentFolders:
    """Watch the operator's folders and register their components."""

    def __init__(
        self,
        paths: list[Path],
        registry: Registry,
        on_change: Callable[[], None],
        load_seconds: float = LOAD_SECONDS,
    ) -> None:
        """Configure the folders; `start` begins to watch them.

        Args:
            paths: folders whose subfolders are categories.
            registry: the registry that gets the components.
            on_change: called after each change of the components.
            load_seconds: the time limit for loading a file.

        """
        self._paths = paths
        self._registry = registry
        self._on_change = on_change
        self._load_seconds = load_seconds
        self._scan = FolderScan((), ())
        self._states: dict[Path, FileState] = {}
        self._problems: tuple[LoadProblem, ...] = ()
        self._components: list[FolderComponent] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def problems(self) -> tuple[LoadProblem, ...]:
        """The present problems with files and folders."""
        return self._problems

    @property
    def components(self) -> list[FolderComponent]:
        """The registered components."""
        return self._components

    def has_last_version(self, path: Path) -> bool:
        """Return whether the last good version of a file with a problem is in use."""
        return any(loaded.path == path for loaded in self._components)

    async def start(self) -> None:
        """Load all components and watch the folders, if any are configured."""
        if self._paths:
            await self.reload()
            self._task = asyncio.create_task(self._watch(), name="component-folders")

    async def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(POLL_INTERVAL_SECONDS)
            try:
                await self.reload()
            except Exception:
                log.exception("The component folders cannot be read. The next check tries again.")

    async def reload(self) -> None:
        """Load new and changed files. A problem is logged once, and the last good version of its file is used."""
        scan = await asyncio.to_thread(scan_folders, self._paths)
        if scan == self._scan:
            return
        self._states = await asyncio.to_thread(_load_files, scan.files, self._states, self._load_seconds)
        self._scan = scan
        self._components, duplicates = _without_duplicates(self._states)
        problems = [*scan.problems, *_problems_of(self._states), *duplicates]
        earlier, self._problems = self._problems, tuple(problems)
        self._registry.replace_folder_components(self._components)
        self._on_change()
        for problem in problems:
            if problem not in earlier:
                suffix = " Its last good version stays in use." if self.has_last_version(problem.path) else ""
                log.error("A component cannot be loaded: %s%s", problem, suffix)


def load_folders(paths: list[Path], load_seconds: float) -> tuple[list[FolderComponent], list[LoadProblem]]:
    """Load the components of folders once, and return them and the problems."""
    scan = scan_folders(paths)
    states = _load_files(scan.files, {}, load_seconds)
    components, duplicates = _without_duplicates(states)
    return components, [*scan.problems, *_problems_of(states), *duplicates]


def _load_files(
    files: tuple[FileStamp, ...], earlier_states: dict[Path, FileState], load_seconds: float
) -> dict[Path, FileState]:
    states: dict[Path, FileState] = {}
    for stamp in files:
        earlier = earlier_states.get(stamp.path)
        if earlier is not None and earlier.stamp == stamp:
            states[stamp.path] = earlier
            continue
        try:
            loaded = load_component_file(stamp.path, load_seconds)
        except ComponentFileError as error:
            last = earlier.loaded if earlier is not None else None
            states[stamp.path] = FileState(stamp, last, tuple(error.problems))
        else:
            states[stamp.path] = FileState(stamp, loaded)
    return states


def _problems_of(states: dict[Path, FileState]) -> list[LoadProblem]:
    return [problem for state in states.values() for problem in state.problems]


def _without_duplicates(states: dict[Path, FileState]) -> tuple[list[FolderComponent], list[LoadProblem]]:
    """Return the components with different type names, and a problem for each further file that defines the same type."""
    by_type: dict[str, FolderComponent] = {}
    problems: list[LoadProblem] = []
    for state in states.values():
        if state.loaded is None:
            continue
        first = by_type.setdefault(state.loaded.component.type_name(), state.loaded)
        if first is not state.loaded:
            message = (
                f"The component type {first.component.type_name()!r} is already defined in {first.path}. Rename one of the "
                "classes, or give one of them another `name`."
            )
            problems.append(LoadProblem(state.loaded.path, None, message))
    return list(by_type.values()), problems
