"""Find the files of the operator's component folders, and files that are in a wrong place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headrace.component.load_problem import LoadProblem


@dataclass(frozen=True, slots=True)
class FileStamp:
    """A component file, and what changes with its content: the time of the last change in nanoseconds, and the size in bytes."""

    path: Path
    changed_ns: int
    size: int


@dataclass(frozen=True, slots=True)
class FolderScan:
    """The component files of all folders, and the problems with folders and places of files."""

    files: tuple[FileStamp, ...]
    problems: tuple[LoadProblem, ...]


def scan_folders(folders: list[Path]) -> FolderScan:
    """Return the component files in the subfolders of folders, sorted by folder and path."""
    files: dict[Path, FileStamp] = {}
    problems: list[LoadProblem] = []
    for folder in folders:
        path = folder.expanduser()
        try:
            categories = [entry for entry in sorted(path.iterdir()) if is_component_name(entry.name)]
        except OSError as error:
            problems.append(LoadProblem(path, None, _folder_problem(path, error)))
            continue
        for entry in categories:
            if entry.is_dir():
                _scan_category(entry, files, problems)
            elif is_component_file(entry):
                message = (
                    f"The file is not in a category. Move it to a subfolder, such as {path / 'custom' / entry.name}: the name "
                    "of the subfolder is the category."
                )
                problems.append(LoadProblem(entry, None, message))
    return FolderScan(tuple(files.values()), tuple(problems))


def is_component_name(name: str) -> bool:
    """Return whether a file or folder is read: its name does not begin with a dot or an underscore."""
    return not name.startswith((".", "_"))


def is_component_file(path: Path) -> bool:
    """Return whether a file holds a component: Python source that is neither private nor a test for pytest."""
    name = path.name
    is_test = name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"
    return name.endswith(".py") and is_component_name(name) and not is_test


def _scan_category(category: Path, files: dict[Path, FileStamp], problems: list[LoadProblem]) -> None:
    try:
        entries = sorted(category.iterdir())
    except OSError as error:
        problems.append(LoadProblem(category, None, _folder_problem(category, error)))
        return
    for entry in entries:
        if is_component_file(entry):
            try:
                status = entry.stat()
            except OSError as error:
                problems.append(LoadProblem(entry, None, f"The file cannot be read: {error.strerror}."))
            else:
                files[entry] = FileStamp(entry, status.st_mtime_ns, status.st_size)
        elif is_component_name(entry.name) and entry.name != "tests" and entry.is_dir():
            problems += [
                LoadProblem(file, None, f"The file is too deep. Move it to {category}: a category has no subfolders.")
                for file in _python_files(entry)
            ]


def _python_files(folder: Path) -> list[Path]:
    try:
        return [path for path in sorted(folder.iterdir()) if is_component_file(path)]
    except OSError:
        # Nothing in it is a component.
        return []


def _folder_problem(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "The folder does not exist. Create it, or correct LANGFLOW_COMPONENTS_PATH."
    if isinstance(error, NotADirectoryError):
        return "This is not a folder. LANGFLOW_COMPONENTS_PATH lists folders, whose subfolders are categories."
    return f"The folder cannot be read: {error.strerror}."
