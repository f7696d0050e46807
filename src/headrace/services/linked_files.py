"""Linked files: a flow with an `fs_path` is written to a file in its owner's folder each time it is saved."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from headrace.db import linked_files
from headrace.db.quotas import QuotaError
from headrace.db.side_effects import add_side_effect
from headrace.errors import ConflictError, ContentTooLargeError
from headrace.storage.confined_folder import parse_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.limits.byte_budget import ByteBudget
    from headrace.storage.confined_folder import ConfinedFolder, FileVersion, Replacement


class LinkedFileConflictError(ConflictError):
    """The linked file of a flow was changed on disk and not read yet, or cannot be read."""

    def __init__(self, path: str, problem: str | None) -> None:
        if problem is None:
            message = f"The file {path!r} of this flow was changed on disk. Read the flow again in a moment, and repeat your change."
        else:
            message = (
                f"The file {path!r} of this flow was changed on disk and cannot be read: {problem} Correct or delete the file, "
                "and repeat your change."
            )
        super().__init__(message)


class LinkedFileTakenError(ConflictError):
    """Another flow of the owner is linked to a file."""

    def __init__(self, path: str, flow_id: UUID) -> None:
        super().__init__(f"The file {path!r} belongs to your flow {flow_id}. Send another `fs_path`.")


class FlowFileFormat(Protocol):
    """The content of linked files."""

    def encode(self, row: Mapping[str, Any]) -> bytes:
        """Return the file of a stored flow, without its secrets."""
        ...

    def visible_data(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the `data` of a stored flow as the file contains it."""
        ...

    def parse(self, content: bytes, budget: ByteBudget) -> dict[str, Any]:
        """Return the columns that a file sets, after the checks of an upload.

        Raises:
            HeadraceError: the file is not a valid flow.

        """
        ...


def names_of(owner: UUID, path: str) -> tuple[str, ...]:
    """Return the names of a path in the folder of an owner, below the folder of all linked files.

    Raises:
        PathError: the path is not a relative path of plain names.

    """
    return (str(owner), *parse_path(path))


def digest_of(content: bytes) -> str:
    """Return the digest of a file's content."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class LinkedFileSource:
    """Where linked files are, and what they contain.

    Attributes:
        folder: the folder with a folder for each user.
        file_format: encodes and parses files.
        max_file_bytes: the maximum size of a file that is read.

    """

    folder: ConfinedFolder
    file_format: FlowFileFormat
    max_file_bytes: int


class _FileWrite:
    """The replacement of a file as an effect of a transaction."""

    def __init__(self, folder: ConfinedFolder, names: tuple[str, ...], content: bytes) -> None:
        self._folder = folder
        self._names = names
        self._content = content
        self._writing: asyncio.Future[Replacement] | None = None

    async def run(self) -> FileVersion:
        """Write the file and return its version."""
        self._writing = asyncio.ensure_future(asyncio.to_thread(self._folder.write, self._names, self._content))
        # A cancellation does not end the thread, and `undo` needs its result.
        return (await asyncio.shield(self._writing)).version

    async def undo(self) -> None:
        """Restore the previous file."""
        if self._writing is None:
            return
        # An error of the write is that of the transaction.
        await asyncio.wait([self._writing])
        if self._writing.exception() is None:
            await asyncio.to_thread(self._folder.restore, self._names, self._writing.result())

    async def finish(self) -> None:
        """Delete the previous file."""
        if self._writing is not None:
            await asyncio.to_thread(self._folder.forget_previous, self._names, self._writing.result())


class LinkedFiles:
    """Writes flows to their linked files, at most `max_files` per user."""

    def __init__(self, source: LinkedFileSource, *, max_files: int) -> None:
        self._source = source
        self._max_files = max_files

    async def save(self, connection: AsyncConnection, row: RowMapping) -> None:
        """Write a changed flow to its file, as the last step of the transaction that changes the flow.

        The transaction holds the lock of the flow's row, so that files are written in the order of the changes. If it fails
        after this step, the writer restores the file. If the process ends in between, the file contains a change that the
        database does not, and is read back like any other change.

        Raises:
            LinkedFileConflictError: the file was changed on disk, or cannot be read.
            LinkedFileTakenError: another flow of the owner has this file.
            QuotaError: the owner has the maximum number of files.
            PathError: the path leads through a symbolic link, or names a folder.
            StorageError: the folder is full or cannot be written.

        """
        path = row["fs_path"]
        if path is None:
            await linked_files.remove(connection, row["id"])
            return
        owner, link = row["user_id"], await linked_files.get(connection, row["id"])
        names = names_of(owner, path)
        content = await asyncio.to_thread(self._source.file_format.encode, dict(row))
        if link is None or link["path"] != path:
            await self._check_new_path(connection, owner, path)
        else:
            await asyncio.to_thread(self._check_unchanged, names, link, content)
        write = _FileWrite(self._source.folder, names, content)
        add_side_effect(connection, write)
        version = await write.run()
        await linked_files.put(
            connection,
            owner,
            row["id"],
            path=path,
            digest=digest_of(content),
            changed_ns=version.changed_ns,
            error=None,
        )

    async def _check_new_path(self, connection: AsyncConnection, owner: UUID, path: str) -> None:
        other = await linked_files.find_flow(connection, owner, path)
        if other is not None:
            raise LinkedFileTakenError(path, other)
        if not await asyncio.to_thread(self._source.folder.has_fewer_files, (str(owner),), self._max_files):
            raise QuotaError(
                f"Your folder of flows may have at most {self._max_files} files", "files", "HEADRACE_MAX_FLOWS"
            )

    def _check_unchanged(self, names: tuple[str, ...], link: RowMapping, new_content: bytes) -> None:
        version = self._source.folder.find_version(names)
        if version is None or version.changed_ns <= link["changed_ns"]:
            return
        # The process that ended before its commit may have written the new content already.
        try:
            content, _ = self._source.folder.read(names, self._source.max_file_bytes)
        except FileNotFoundError:
            return
        except ContentTooLargeError as error:
            raise LinkedFileConflictError(link["path"], error.message) from error
        if digest_of(content) != link["digest"] and content != new_content:
            raise LinkedFileConflictError(link["path"], link["error"])
