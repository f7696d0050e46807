"""The shelf: files as owners know them. Keeps rows and bytes together: what is listed is there, what is gone is gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy.exc import IntegrityError

from headrace.errors import HeadraceError
from headrace.files.names import clean_name
from headrace.files.storage import StorageError, location
from headrace.store import files, flows, projects, users

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.files.storage import Storage
    from headrace.store.store import Store

log = logging.getLogger(__name__)

#: How often a name is sought again where another server took it at the same moment.
_ATTEMPTS = 5


class UploadTooLargeError(HeadraceError):
    """A file is larger than the operator allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The file is larger than {limit // (1 << 20)} MiB. An operator can raise LANGFLOW_MAX_FILE_SIZE_UPLOAD."
        )


class ChangedFileError(HeadraceError):
    """A file was changed or deleted while more was put behind it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The file {name} was changed or deleted at the same moment. Nothing was appended; try again.")


class NoSuchFileError(HeadraceError):
    """An owner has no file under a path."""

    def __init__(self, path: str) -> None:
        super().__init__(f"There is no file {path!r}. Upload it, or choose another one.")


class Shelf:
    """Every owner's files."""

    def __init__(self, store: Store, storage: Storage, largest: int) -> None:
        """Set up.

        Args:
            store: where the rows are.
            storage: where the bytes are.
            largest: most bytes of one file.

        """
        self._store = store
        self._storage = storage
        self._largest = largest

    async def add(
        self, owner: UUID, name: str, chunks: AsyncIterator[bytes], *, flow_id: UUID | None = None
    ) -> RowMapping:
        """Keep a file and return its row: the owner's own, or one that is sent to a flow of theirs.

        Raises:
            UploadTooLargeError: it is larger than the operator allows.
            StorageError: the storage is full or does not answer.

        """
        name = clean_name(name)
        if flow_id is not None:
            name = f"{datetime.now(UTC):%Y-%m-%d_%H-%M-%S}_{name}"
        blob, size = await self._save(owner, chunks)

        async def keep(connection: AsyncConnection) -> RowMapping:
            return await files.add(
                connection, owner, folder=flow_id or owner, flow_id=flow_id, name=name, blob=blob, size=size
            )

        return await self._keep(owner, blob, keep)

    async def append(self, owner: UUID, name: str, chunks: AsyncIterator[bytes]) -> RowMapping:
        """Put more behind the owner's file of this name, or keep a new one; the file is never seen half longer."""
        async with self._store.reading() as connection:
            old = await files.at_path(connection, owner, f"{owner}/{clean_name(name)}")
        if old is None:
            return await self.add(owner, name, chunks)
        old_blob, file_id = old["blob"], old["id"]

        async def both() -> AsyncIterator[bytes]:
            async for chunk in self._storage.read(location(owner, old_blob)):
                yield chunk
            async for chunk in chunks:
                yield chunk

        blob, size = await self._save(owner, both())

        async def keep(connection: AsyncConnection) -> RowMapping:
            row = await files.change(connection, owner, file_id, {"blob": blob, "size": size}, where_blob=old_blob)
            if row is None:
                raise ChangedFileError(name)
            return row

        row = await self._keep(owner, blob, keep)
        await self._forget(owner, [old_blob])
        return row

    def read(self, row: RowMapping) -> AsyncIterator[bytes]:
        """Yield the bytes of a file, piece by piece.

        Raises:
            StorageError: the bytes are gone, or the storage does not answer.

        """
        return self._storage.read(location(row["user_id"], row["blob"]))

    async def content(self, owner: UUID, path: str) -> bytes:
        """Return all bytes of the owner's file under a path.

        Raises:
            NoSuchFileError: there is none.
            StorageError: the bytes are gone, or the storage does not answer.

        """
        async with self._store.reading() as connection:
            row = await files.at_path(connection, owner, path)
        if row is None:
            raise NoSuchFileError(path)
        return b"".join([chunk async for chunk in self.read(row)])

    async def remove(self, owner: UUID, file_ids: list[UUID]) -> Sequence[RowMapping]:
        """Delete the owner's files among `file_ids` and return the rows that were."""
        rows = await self._store.write(lambda connection: files.remove(connection, owner, file_ids))
        await self._forget(owner, [row["blob"] for row in rows])
        return rows

    async def remove_flows(self, owner: UUID, flow_ids: list[UUID]) -> int:
        """Delete the owner's flows among `flow_ids` with the files that were sent to them; return how many there were."""

        async def remove(connection: AsyncConnection) -> tuple[int, list[UUID]]:
            blobs = await files.blobs_of_flows(connection, owner, flow_ids)
            return await flows.remove(connection, owner, flow_ids), blobs

        removed, blobs = await self._store.write(remove)
        await self._forget(owner, blobs)
        return removed

    async def remove_project(self, owner: UUID, project_id: UUID) -> bool:
        """Delete one of the owner's projects with its flows and their files; return whether there was one."""

        async def remove(connection: AsyncConnection) -> tuple[bool, list[UUID]]:
            blobs = await files.blobs_of_flows(connection, owner, await flows.ids_in(connection, owner, project_id))
            return await projects.remove(connection, owner, project_id), blobs

        removed, blobs = await self._store.write(remove)
        await self._forget(owner, blobs)
        return removed

    async def remove_user(self, user_id: UUID) -> bool:
        """Delete a user with all that is theirs; return whether there was one."""

        async def remove(connection: AsyncConnection) -> tuple[bool, list[UUID]]:
            blobs = await files.blobs_of(connection, user_id)
            return await users.remove(connection, user_id), blobs

        removed, blobs = await self._store.write(remove)
        await self._forget(user_id, blobs)
        return removed

    async def _save(self, owner: UUID, chunks: AsyncIterator[bytes]) -> tuple[UUID, int]:
        blob = uuid4()
        return blob, await self._storage.save(location(owner, blob), self._bounded(chunks))

    async def _bounded(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > self._largest:
                raise UploadTooLargeError(self._largest)
            yield chunk

    async def _keep(
        self, owner: UUID, blob: UUID, keep: Callable[[AsyncConnection], Awaitable[RowMapping]]
    ) -> RowMapping:
        """Commit the row of bytes that are stored; where that fails, the bytes go too."""
        left = _ATTEMPTS
        try:
            while True:
                left -= 1
                try:
                    return await self._store.write(keep)
                except IntegrityError:
                    if not left:
                        raise
        except BaseException:
            await asyncio.shield(self._forget(owner, [blob]))
            raise

    async def _forget(self, owner: UUID, blobs: list[UUID]) -> None:
        """Remove bytes that no row points to any more. Where that fails they take room, and nobody sees them."""
        for blob in blobs:
            try:
                await self._storage.remove(location(owner, blob))
            except StorageError:
                log.warning("the bytes of a removed file could not be deleted: %s", location(owner, blob))
