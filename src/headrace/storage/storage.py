"""The interface of a storage for bytes. Storage paths consist of ids and never contain names that users choose."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from headrace.errors import InsufficientStorageError, UnavailableError

if TYPE_CHECKING:
    from headrace.settings import StorageSettings

#: The size of the chunks in which bytes are read and written.
CHUNK_BYTES = 1 << 20


class StorageError(UnavailableError):
    """The storage failed, and the file was not stored."""


class StorageFullError(InsufficientStorageError, StorageError):
    """The storage has no space left."""

    def __init__(self) -> None:
        super().__init__("The storage is full. The file was not stored; ask the operator to free space.")


class MissingBlobError(StorageError):
    """A file is listed, but its bytes are missing from the storage."""

    def __init__(self) -> None:
        super().__init__(
            "The bytes of this file are missing from the storage: the folder or bucket was deleted or changed. "
            "Ask the operator to restore it."
        )


def blob_path(owner: UUID, blob: UUID) -> str:
    """Return the storage path of a blob. No other function creates such a path."""
    return f"{owner}/{blob.hex}"


class Storage(Protocol):
    """A storage for bytes: a folder or a bucket."""

    async def save(self, path: str, chunks: AsyncIterator[bytes]) -> int:
        """Store all of `chunks` at a path, or nothing, and return the number of bytes.

        Raises:
            StorageError: the storage is full or does not answer.
            Exception: any error of `chunks`.

        """
        ...

    def read(self, path: str) -> AsyncIterator[bytes]:
        """Yield the bytes at a path in chunks.

        Raises:
            MissingBlobError: the path does not exist.
            StorageError: the storage does not answer.

        """
        ...

    async def remove(self, path: str) -> None:
        """Delete the bytes at a path, if it exists."""
        ...


def create_storage(settings: StorageSettings) -> Storage:
    """Return the storage that the settings select. It opens files or connections on first use.

    Raises:
        SettingsError: the extra `s3` is not installed.

    """
    if settings.backend == "s3":
        from headrace.storage.s3 import S3Storage

        return S3Storage(
            bucket=settings.bucket_name,
            prefix=settings.prefix,
            tags=settings.tags,
        )
    from headrace.storage.local import LocalStorage

    return LocalStorage(settings.config_folder / "files")
