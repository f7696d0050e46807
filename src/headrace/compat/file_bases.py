"""Base class for components that read files, and functions that read one file."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from headrace.compat.active_run import current_context, run_until_complete
from headrace.compat.component import Component
from headrace.component import BoolInput, FileInput, HandleInput, Output, StrInput
from headrace.component.component import ComponentError
from headrace.component.file_types import TEXT_FILE_TYPES
from headrace.schema import Data, Message
from headrace.schema.text_size import join_texts

if TYPE_CHECKING:
    from headrace.schema.dataframe import DataFrame

#: Temporary folders with copies of the owner's files, while components read them.
_folders: set[Path] = set()
#: The first bytes of an image file to its type.
_IMAGE_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif", b"BM": "bmp"}


async def read_file_bytes(
    file_path: str, storage_service: object = None, resolve_path: Callable[[str], str] | None = None
) -> bytes:
    """Return the content of one of the owner's files.

    Raises:
        HeadraceError: the owner has no file with this path.

    """
    path = Path(file_path)
    if path.parent in _folders:
        return await asyncio.to_thread(path.read_bytes)
    return await current_context("read_file_bytes").read_file(str(file_path))


async def read_file_text(
    file_path: str,
    encoding: str = "utf-8",
    storage_service: object = None,
    resolve_path: Callable[[str], str] | None = None,
    newline: str | None = None,
) -> str:
    """Return the text of one of the owner's files. All line ends become line feeds unless `newline` is set."""
    text = (await read_file_bytes(file_path)).decode(encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n") if newline is None else text


def parse_storage_path(path: str) -> tuple[str, str] | None:
    """Return the folder and name in a file's path, or None if the path is not valid."""
    folder, _, name = path.rpartition("/")
    return (folder, name) if folder and name else None


async def validate_image_content_type(
    file_path: str,
    content: bytes | None = None,
    storage_service: object = None,
    resolve_path: Callable[[str], str] | None = None,
) -> tuple[bool, str | None]:
    """Return whether the content of a file matches its image suffix, and the error message if it does not."""
    suffix = Path(file_path).suffix.lower().lstrip(".").replace("jpg", "jpeg")
    if suffix not in _IMAGE_SIGNATURES.values():
        return True, None
    head = (content if content is not None else await read_file_bytes(file_path))[:16]
    image_type = next((kind for start, kind in _IMAGE_SIGNATURES.items() if head.startswith(start)), None)
    if image_type == suffix:
        return True, None
    return False, f"{file_path} has the suffix .{suffix}, but its content is {image_type or 'not an image'}."


def parse_text_file_to_data(file_path: str, *, silent_errors: bool) -> Data | None:
    """Return the text of a file as a record. JSON is normalized.

    Args:
        file_path: the path of one of the owner's files.
        silent_errors: whether to return None instead of raising if the file cannot be read.

    Raises:
        ValueError: the file cannot be read.

    """
    try:
        text: Any = run_until_complete(read_file_text(file_path))
        if str(file_path).endswith(".json"):
            loaded = json.loads(text)
            text = loaded if isinstance(loaded, str) else json.dumps(loaded, ensure_ascii=False)
    except Exception as error:
        if silent_errors:
            return None
        raise ValueError(f"The file {Path(file_path).name} cannot be read: {error}") from error
    return Data(data={"file_path": file_path, "text": text})


def parallel_load_data(
    file_paths: list[str],
    *,
    silent_errors: bool,
    max_concurrency: int,
    load_function: Callable[..., Data | None] = parse_text_file_to_data,
) -> list[Data | None]:
    """Read files concurrently and return their records in the order of the paths."""
    from contextvars import copy_context

    def load(path: str) -> Data | None:
        return load_function(path, silent_errors=silent_errors)

    with ThreadPoolExecutor(max(max_concurrency, 1)) as executor:
        futures = [executor.submit(copy_context().run, load, path) for path in file_paths]
        return [future.result() for future in futures]


class BaseFileComponent(Component):
    """Read files of the types that a subclass names, and turn them into records in its `process_files`."""

    VALID_EXTENSIONS: ClassVar[list[str]] = TEXT_FILE_TYPES
    SERVER_FILE_PATH_FIELDNAME = "file_path"

    @dataclass
    class BaseFile:
        """A file and its records."""

        data: Any
        path: Path
        delete_after_processing: bool = False
        silent_errors: bool = False
        #: The path of the owner's file, of which `path` is a copy.
        server_path: str = field(default="", kw_only=True)

        def __post_init__(self) -> None:
            self.data = self.data if isinstance(self.data, list) else [] if self.data is None else [self.data]

        def merge_data(self, new_data: Data | list[Data] | None) -> list[Data]:
            """Return the records of the file followed by new ones."""
            return [*self.data, *(new_data if isinstance(new_data, list) else [] if new_data is None else [new_data])]

    _base_inputs: list[Any] = [
        FileInput(name="path", display_name="Files", is_list=True, value=[], tool_mode=False),
        HandleInput(
            name="file_path",
            display_name="Server File Path",
            input_types=["Data", "Message"],
            is_list=True,
            advanced=True,
        ),
        StrInput(name="separator", display_name="Separator", value="\n\n", advanced=True),
        BoolInput(name="silent_errors", display_name="Silent Errors", advanced=True),
        BoolInput(
            name="delete_server_file_after_processing",
            display_name="Delete Server File After Processing",
            value=True,
            advanced=True,
        ),
        BoolInput(
            name="ignore_unsupported_extensions",
            display_name="Ignore Unsupported Extensions",
            value=True,
            advanced=True,
        ),
        BoolInput(name="ignore_unspecified_files", display_name="Ignore Unspecified Files", advanced=True),
    ]
    _base_outputs: list[Any] = [Output(name="message", display_name="Raw Content", method="load_files_message")]
    inputs = [*_base_inputs]
    outputs = [*_base_outputs]

    @property
    def valid_extensions(self) -> list[str]:
        """The file suffixes that the component reads, without the dot."""
        return self.VALID_EXTENSIONS

    @abstractmethod
    def process_files(self, file_list: list[BaseFile]) -> list[BaseFile]:
        """Return the files with their records. Subclasses override it."""
        raise NotImplementedError

    def load_files_base(self) -> list[Data]:
        """Return the records of all files.

        Raises:
            ComponentError: no file is selected, or the component does not read files of a selected type.

        """
        folder = Path(tempfile.mkdtemp(prefix="files-"))
        _folders.add(folder)
        try:
            files = [self._copy_file(path, folder, number) for number, path in enumerate(self._selected_paths())]
            supported = [file for file in files if self._is_supported(file.path)]
            return [record for file in self.process_files(supported) for record in file.data]
        finally:
            _folders.discard(folder)
            shutil.rmtree(folder, ignore_errors=True)

    def _selected_paths(self) -> list[str]:
        connected = self.file_path if isinstance(self.file_path, list) else [self.file_path]
        from_port = [c.data.get("file_path", "") if type(c) is Data else getattr(c, "text", c) for c in connected]
        selected = self.path if isinstance(self.path, list) else [self.path]
        field_paths = next((i.file_path for i in self.inputs if i.name == "path" and isinstance(i, FileInput)), None)
        if not any(selected) and field_paths:
            selected = field_paths if isinstance(field_paths, list) else [field_paths]
        paths = [str(p) for p in [*from_port, *selected] if p]
        if not paths and not self.ignore_unspecified_files:
            raise ComponentError("No file is selected. Upload a file or connect a path.")
        return paths

    def _copy_file(self, path: str, folder: Path, number: int) -> BaseFile:
        content = run_until_complete(self.context.read_file(path))
        copy = folder / f"{number}_{Path(path).name}" if number else folder / Path(path).name
        copy.write_bytes(content)
        return self.BaseFile(None, copy, silent_errors=bool(self.silent_errors), server_path=path)

    def _is_supported(self, path: Path) -> bool:
        if path.suffix.lstrip(".").lower() in self.VALID_EXTENSIONS:
            return True
        if not self.ignore_unsupported_extensions:
            raise ComponentError(
                f"{path.name} has a type that this component does not read. Use one of {', '.join(self.VALID_EXTENSIONS)}."
            )
        return False

    def rollup_data(
        self, base_files: list[BaseFile], data_list: list[Data | None], path_field: str = "file_path"
    ) -> list[BaseFile]:
        """Add to each file the records that state its path, and return the files."""
        for file in base_files:
            records = [d for d in data_list if d is not None and Path(str(d.data.get(path_field, ""))) == file.path]
            for record in records:
                record.data[path_field] = file.server_path
            file.data = file.merge_data(records)
        return base_files

    def load_files_core(self) -> list[Data]:
        """Return the records of all files, or one empty record if there are none."""
        return self.load_files_base() or [Data()]

    def load_files(self) -> DataFrame:
        """Return the records of all files as a table."""
        from headrace.schema.table import dataframe

        return dataframe(self.load_files_base())

    def load_files_message(self) -> Message:
        """Return the texts of all files, joined by the separator."""
        return Message(text=join_texts((d.get_text() for d in self.load_files_core()), str(self.separator or "\n\n")))

    def load_files_path(self) -> Message:
        """Return the paths of all files, one per line."""
        return Message(text="\n".join(self._selected_paths()))

    def load_files_json(self) -> Data:
        """Return the record of the first file."""
        return self.load_files_core()[0]
