"""Files of owners: stores and deletes the row and the bytes of a file together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy.exc import IntegrityError

from headrace.db import files, flow_changes, flows, projects, users
from headrace.db.quotas import QuotaError, lock_owner
from headrace.errors import ConflictError, ContentTooLargeError, NotFoundError
from headrace.limits.byte_budget import NO_RUN, ByteBudget, readable_size
from headrace.storage.filenames import sanitize_filename
from headrace.storage.storage import StorageError, blob_path

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.db.database import Database
    from headrace.storage.file_limits import FileLimits
    from headrace.storage.storage import Storage

log = logging.getLogger(__name__)

#: Attempts to find a free name while other servers add files with the same name.
_MAX_ATTEMPTS = 5


class UploadTooLargeError(ContentTooLargeError):
    """A file is larger than the operator allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The file is larger than {limit // (1 << 20)} MiB. An operator can raise LANGFLOW_MAX_FILE_SIZE_UPLOAD."
        )


class FileTooLargeToReadError(ContentTooLargeError):
    """A component cannot read a file into memory."""

    def __init__(self, path: str, limit: int) -> None:
        super().__init__(
            f"The file {path!r} is larger than {readable_size(limit)} and cannot be read in a run. Split it, or ask an "
            "operator to raise HEADRACE_MAX_FILE_READ_BYTES."
        )


class FileConflictError(ConflictError):
    """A file was changed or deleted while the server wrote to it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The file {name} was changed or deleted by another request. Nothing was stored; try again.")


class UnknownFileError(NotFoundError):
    """An owner has no file with this path."""

    def __init__(self, path: str) -> None:
        super().__init__(f"The file {path!r} does not exist. Upload it, or select another file.")


class FileService:
    """Stores, reads and deletes the files of all owners."""

    def __init__(self, database: Database, storage: Storage, limits: FileLimits) -> None:
        """Create the service.

        Args:
            database: stores the rows.
            storage: stores the bytes.
            limits: the maximum size of a file, of all files of a user, and of a file in memory.

        """
        self._database = database
        self._storage = storage
        self._limits = limits

    async def add(
        self, owner: UUID, name: str, chunks: AsyncIterator[bytes], *, flow_id: UUID | None = None
    ) -> RowMapping:
        """Store a file of the owner, or a file that is uploaded to one of the owner's flows, and return its row.

        Raises:
            UploadTooLargeError: the file is larger than the operator allows.
            StorageError: the storage is full or does not answer.

        """
        name = sanitize_filename(name)
        if flow_id is not None:
            name = f"{datetime.now(UTC):%Y-%m-%d_%H-%M-%S}_{name}"
        blob, size = await self._save(owner, chunks)

        async def store_row(connection: AsyncConnection) -> RowMapping:
            await self._check_quota(connection, owner, size)
            return await files.add(
                connection, owner, folder=flow_id or owner, flow_id=flow_id, name=name, blob=blob, size=size
            )

        return await self._commit_row(owner, blob, store_row)

    async def append(self, owner: UUID, name: str, chunks: AsyncIterator[bytes]) -> RowMapping:
        """Append to the owner's file with this name, or add the file if it is missing. Readers never see a partial result."""
        async with self._database.connect() as connection:
            old = await files.get_by_path(connection, owner, f"{owner}/{sanitize_filename(name)}")
        if old is None:
            return await self.add(owner, name, chunks)

        async def old_and_new_chunks() -> AsyncIterator[bytes]:
            async for chunk in self.read(old):
                yield chunk
            async for chunk in chunks:
                yield chunk

        return await self._rewrite(owner, old, old_and_new_chunks())

    async def replace(self, owner: UUID, name: str, chunks: AsyncIterator[bytes]) -> RowMapping:
        """Replace the bytes of the owner's file with this name, or add the file if it is missing."""
        async with self._database.connect() as connection:
            old = await files.get_by_path(connection, owner, f"{owner}/{sanitize_filename(name)}")
        return await (self.add(owner, name, chunks) if old is None else self._rewrite(owner, old, chunks))

    async def _rewrite(self, owner: UUID, old: RowMapping, chunks: AsyncIterator[bytes]) -> RowMapping:
        """Store new bytes for a file, unless another request changes it meanwhile, and delete the old ones."""
        old_blob, file_id = old["blob"], old["id"]
        blob, size = await self._save(owner, chunks, replaced=old["size"])

        async def store_row(connection: AsyncConnection) -> RowMapping:
            await self._check_quota(connection, owner, size - old["size"], added_files=0)
            row = await files.change(connection, owner, file_id, {"blob": blob, "size": size}, where_blob=old_blob)
            if row is None:
                raise FileConflictError(old["name"])
            return row

        row = await self._commit_row(owner, blob, store_row)
        await self._delete_blobs(owner, [old_blob])
        return row

    def read(self, row: RowMapping) -> AsyncIterator[bytes]:
        """Yield the bytes of a file in chunks.

        Raises:
            StorageError: the bytes are missing, or the storage does not answer.

        """
        return self._storage.read(blob_path(row["user_id"], row["blob"]))

    async def read_bytes(self, owner: UUID, path: str, budget: ByteBudget = NO_RUN) -> bytes:
        """Return the bytes of the owner's file with this path.

        Raises:
            UnknownFileError: the owner has no such file.
            StorageError: the bytes are missing, or the storage does not answer.

        """
        async with self._database.connect() as connection:
            row = await files.get_by_path(connection, owner, path)
        if row is None:
            raise UnknownFileError(path)
        if row["size"] > self._limits.read_bytes:
            raise FileTooLargeToReadError(path, self._limits.read_bytes)
        chunks: list[bytes] = []
        with budget.grow("The content of the file") as growth:
            async for chunk in self.read(row):
                growth.add(len(chunk))
                chunks.append(chunk)
            return b"".join(chunks)

    async def check_readable(self, owner: UUID, paths: Sequence[str]) -> None:
        """Check that the owner has files with these paths, and that a run can read them.

        Raises:
            UnknownFileError: the owner has no such file.
            FileTooLargeToReadError: a file is too large.

        """
        async with self._database.connect() as connection:
            sizes = await files.sizes_by_path(connection, owner, paths)
        for path in paths:
            if path not in sizes:
                raise UnknownFileError(path)
            if sizes[path] > self._limits.read_bytes:
                raise FileTooLargeToReadError(path, self._limits.read_bytes)

    async def remove(self, owner: UUID, file_ids: list[UUID]) -> Sequence[RowMapping]:
        """Delete the owner's files among `file_ids` and return the deleted rows."""
        rows = await self._database.write(lambda connection: files.remove(connection, owner, file_ids))
        await self._delete_blobs(owner, [row["blob"] for row in rows])
        return rows

    async def remove_flows(self, owner: UUID, flow_ids: list[UUID]) -> int:
        """Delete the owner's flows among `flow_ids` with the files that were uploaded to them, and return the number of deleted flows."""

        async def remove(connection: AsyncConnection) -> tuple[int, list[UUID]]:
            blobs = await files.list_flow_blobs(connection, owner, flow_ids)
            return await flow_changes.delete_(connection, owner, flow_ids), blobs

        removed, blobs = await self._database.write(remove)
        await self._delete_blobs(owner, blobs)
        return removed

    async def remove_project(self, owner: UUID, project_id: UUID) -> bool:
        """Delete one of the owner's projects with its flows and their files, and return whether the project existed."""

        async def remove(connection: AsyncConnection) -> tuple[bool, list[UUID]]:
            blobs = await files.list_flow_blobs(connection, owner, await flows.list_ids(connection, owner, project_id))
            return await projects.remove(connection, owner, project_id), blobs

        removed, blobs = await self._database.write(remove)
        await self._delete_blobs(owner, blobs)
        return removed

    async def remove_user(self, user_id: UUID) -> bool:
        """Delete a user with everything they own and return whether the user existed."""

        async def remove(connection: AsyncConnection) -> tuple[bool, list[UUID]]:
            blobs = await files.list_blobs(connection, user_id)
            return await users.remove(connection, user_id), blobs

        removed, blobs = await self._database.write(remove)
        await self._delete_blobs(user_id, blobs)
        return removed

    async def _save(self, owner: UUID, chunks: AsyncIterator[bytes], *, replaced: int = 0) -> tuple[UUID, int]:
        """Store the bytes of a file, of which `replaced` bytes are stored already, and return their id and number.

        Raises:
            UploadTooLargeError: the file is larger than the operator allows.
            QuotaError: the owner's files would be too large.

        """
        async with self._database.connect() as connection:
            _, used = await files.usage(connection, owner)
        blob = uuid4()
        limited = self._limit_size(chunks, self._limits.user_bytes - used + replaced)
        return blob, await self._storage.save(blob_path(owner, blob), limited)

    async def _limit_size(self, chunks: AsyncIterator[bytes], available: int) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > self._limits.file_bytes:
                raise UploadTooLargeError(self._limits.file_bytes)
            if size > available:
                raise self._quota_error()
            yield chunk

    async def _check_quota(
        self, connection: AsyncConnection, owner: UUID, added_bytes: int, added_files: int = 1
    ) -> None:
        """Check the number and size of the owner's files, which concurrent uploads may have changed.

        Raises:
            QuotaError: they would exceed a limit.

        """
        await lock_owner(connection, owner)
        count, used = await files.usage(connection, owner)
        if count + added_files > self._limits.user_files:
            raise QuotaError(f"You may have at most {self._limits.user_files} files", "files", "HEADRACE_MAX_FILES")
        if used + added_bytes > self._limits.user_bytes:
            raise self._quota_error()

    def _quota_error(self) -> QuotaError:
        limit = self._limits.user_bytes >> 20
        return QuotaError(f"Your files may take at most {limit} MiB", "files", "HEADRACE_MAX_USER_STORAGE_MIB")

    async def _commit_row(
        self, owner: UUID, blob: UUID, store_row: Callable[[AsyncConnection], Awaitable[RowMapping]]
    ) -> RowMapping:
        """Commit the row of stored bytes. If the commit fails, delete the bytes."""
        attempts_left = _MAX_ATTEMPTS
        try:
            while True:
                attempts_left -= 1
                try:
                    return await self._database.write(store_row)
                except IntegrityError:
                    if not attempts_left:
                        raise
        except BaseException:
            await asyncio.shield(self._delete_blobs(owner, [blob]))
            raise

    async def _delete_blobs(self, owner: UUID, blobs: list[UUID]) -> None:
        """Delete bytes that no row refers to. If that fails, they use space but are not listed."""
        for blob in blobs:
            try:
                await self._storage.remove(blob_path(owner, blob))
            except StorageError:
                log.warning("The bytes of a deleted file could not be deleted: %s", blob_path(owner, blob))
