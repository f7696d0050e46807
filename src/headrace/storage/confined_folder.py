"""A folder on disk in which files have names that users choose. No path and no symbolic link leads out of it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

from headrace.errors import BadRequestError, ContentTooLargeError
from headrace.storage.storage import StorageError, StorageFullError

#: Maximum length of a path in characters, of a name in it in bytes, and maximum number of names in it.
MAX_PATH_LENGTH, MAX_NAME_BYTES, MAX_NAMES = 1024, 200, 16

_DISK_FULL_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
#: The errors of a path on which a name is a symbolic link, or not the kind of file that it should be.
_WRONG_KIND_ERRORS = {errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO, errno.ENAMETOOLONG}
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class PathError(BadRequestError):
    """A path does not name a file inside the folder."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"The path {problem}. Send a relative path of plain names, such as team/flow.json.")


@dataclass(frozen=True, slots=True)
class FileVersion:
    """The state of a file on disk.

    Attributes:
        changed_ns: the time of its last change, in nanoseconds since 1970.
        size: its size in bytes.
        inode: its number in the file system, which differs once it is replaced.

    """

    changed_ns: int
    size: int
    inode: int


@dataclass(frozen=True, slots=True)
class Replacement:
    """A file that was written, and the one that it replaced.

    Attributes:
        version: the version of the new file.
        modified_ns: the time at which its content was written. Unlike `version.changed_ns`, it stays when the file is renamed.
        previous: the hidden name, in the same folder, of the file before; None if there was none.

    """

    version: FileVersion
    modified_ns: int
    previous: str | None


def parse_path(text: str) -> tuple[str, ...]:
    """Return the names of a relative path.

    Raises:
        PathError: the path is absolute, empty or too long, or a name in it is not plain: empty, starting with a dot,
            or with a backslash or a control character.

    """
    if not text or len(text) > MAX_PATH_LENGTH:
        raise PathError("is empty" if not text else f"is longer than {MAX_PATH_LENGTH} characters")
    if text.startswith("/"):
        raise PathError("is absolute")
    names = tuple(text.split("/"))
    if len(names) > MAX_NAMES:
        raise PathError(f"has more than {MAX_NAMES} names")
    for name in names:
        if not name or name.startswith("."):
            raise PathError("contains an empty name" if not name else "contains a name that starts with a dot")
        if "\\" in name or not name.isprintable():
            raise PathError("contains a backslash or a control character")
        if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
            raise PathError(f"contains a name that is longer than {MAX_NAME_BYTES} bytes")
    return names


class ConfinedFolder:
    """Reads and writes files below a root folder. All methods block: call them in a thread.

    Each name of a path is opened relative to its folder without following symbolic links, so that a link that someone
    adds at the same time leads nowhere either.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, names: tuple[str, ...], max_bytes: int) -> tuple[bytes, FileVersion]:
        """Return the content of a file and its version.

        Raises:
            FileNotFoundError: the file does not exist.
            PathError: the path contains a symbolic link, or names no regular file.
            ContentTooLargeError: the file is larger than `max_bytes`.
            StorageError: the folder cannot be read.

        """
        with _translated_errors(), self._folder_of(names) as folder:
            # A FIFO would block without O_NONBLOCK.
            descriptor = os.open(names[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            try:
                version = _version(os.fstat(descriptor))
                with os.fdopen(descriptor, "rb", closefd=False) as file:
                    content = file.read(max_bytes + 1)
            finally:
                os.close(descriptor)
        if len(content) > max_bytes:
            raise ContentTooLargeError(f"The file is larger than {max_bytes} bytes.")
        return content, version

    def find_version(self, names: tuple[str, ...]) -> FileVersion | None:
        """Return the version of a file, or None if it does not exist; see `read` for the errors."""
        try:
            with _translated_errors(), self._folder_of(names) as folder:
                return _version(os.stat(names[-1], dir_fd=folder, follow_symlinks=False))
        except FileNotFoundError:
            return None

    def write(self, names: tuple[str, ...], content: bytes) -> Replacement:
        """Replace a file, or create it and its folders. Readers never see a part of the content.

        The previous file remains under a hidden name until `restore` or `forget_previous` is called.

        Raises:
            PathError: the path contains a symbolic link, or names no regular file.
            StorageError: the folder is full or cannot be written.

        """
        temporary, previous = f".{uuid4().hex}", f".{uuid4().hex}"
        with _translated_errors(), self._folder_of(names, create=True) as folder:
            try:
                has_previous = _link_regular_file(folder, names[-1], previous)
                descriptor = os.open(
                    temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder
                )
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(descriptor)
                written = os.stat(temporary, dir_fd=folder, follow_symlinks=False)
                # Replaces a symbolic link of this name, rather than the file that it leads to.
                os.replace(temporary, names[-1], src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                for name in (temporary, previous):
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=folder)
                raise
            os.fsync(folder)
            # The rename has changed the time of the last change.
            version = _version(os.stat(names[-1], dir_fd=folder, follow_symlinks=False))
            return Replacement(version, written.st_mtime_ns, previous if has_previous else None)

    def restore(self, names: tuple[str, ...], replacement: Replacement) -> None:
        """Undo `write`, unless the file was changed since.

        Raises:
            StorageError: the folder cannot be written.

        """
        with _translated_errors(), contextlib.suppress(FileNotFoundError), self._folder_of(names) as folder:
            status = os.stat(names[-1], dir_fd=folder, follow_symlinks=False)
            if (status.st_ino, status.st_mtime_ns) != (replacement.version.inode, replacement.modified_ns):
                self.forget_previous(names, replacement)
            elif replacement.previous is None:
                os.unlink(names[-1], dir_fd=folder)
            else:
                os.replace(replacement.previous, names[-1], src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)

    def forget_previous(self, names: tuple[str, ...], replacement: Replacement) -> None:
        """Delete the file that `write` has replaced.

        Raises:
            StorageError: the folder cannot be written.

        """
        if replacement.previous is None:
            return
        with _translated_errors(), contextlib.suppress(FileNotFoundError), self._folder_of(names) as folder:
            os.unlink(replacement.previous, dir_fd=folder)

    def list_names(self, names: tuple[str, ...], limit: int) -> list[str]:
        """Return at most `limit` plain names in a folder, sorted; an empty list if it is missing."""
        try:
            with _translated_errors(), self._folder_of((*names, "")) as folder, os.scandir(folder) as entries:
                found = [
                    e.name
                    for _, e in zip(range(limit), entries, strict=False)
                    if e.name.isprintable() and not e.name.startswith(".")
                ]
        except (FileNotFoundError, PathError):
            return []
        return sorted(found)

    def has_fewer_files(self, names: tuple[str, ...], limit: int) -> bool:
        """Return whether a folder and its subfolders hold fewer than `limit` files. Hidden files and folders are not counted."""
        count = 0
        for _, folders, files in os.walk(self._root.joinpath(*names)):
            folders[:] = [folder for folder in folders if not folder.startswith(".")]
            count += sum(not file.startswith(".") for file in files)
            if count >= limit:
                return False
        return True

    @contextlib.contextmanager
    def _folder_of(self, names: tuple[str, ...], *, create: bool = False) -> Iterator[int]:
        """Open the folder of a path."""
        if create:
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in names[:-1]:
                if create:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(name, 0o700, dir_fd=folder)
                inner = os.open(name, _FOLDER_FLAGS, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)


def _link_regular_file(folder: int, name: str, link: str) -> bool:
    """Give a file a second name; return False if it does not exist.

    Raises:
        PathError: the name is not that of a regular file.

    """
    try:
        _version(os.stat(name, dir_fd=folder, follow_symlinks=False))
        os.link(name, link, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _version(status: os.stat_result) -> FileVersion:
    if not stat.S_ISREG(status.st_mode):
        raise PathError("is not that of a regular file")
    return FileVersion(max(status.st_mtime_ns, status.st_ctime_ns), status.st_size, status.st_ino)


@contextlib.contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        _raise_translated(error)


def _raise_translated(error: OSError) -> NoReturn:
    if error.errno in _WRONG_KIND_ERRORS:
        raise PathError("contains a symbolic link, or a file where a folder is expected") from error
    if error.errno in _DISK_FULL_ERRORS:
        raise StorageFullError from error
    raise StorageError(f"The folder cannot be used: {error.strerror}. Ask the operator to correct it.") from error
