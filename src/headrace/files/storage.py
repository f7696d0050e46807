"""What a storage of bytes is. Nothing that a user names is ever part of where the bytes are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from headrace.settings import Settings

#: Bytes are read and written in pieces of this size.
CHUNK_BYTES = 1 << 20


class StorageError(HeadraceError):
    """The storage does not do what it is asked; nothing was kept."""


class StorageFullError(StorageError):
    """There is no room for more."""

    def __init__(self) -> None:
        super().__init__("The storage is full. Nothing was kept of this file; an operator has to make room.")


class LostFileError(StorageError):
    """A file is listed, but its bytes are not where they should be."""

    def __init__(self) -> None:
        super().__init__(
            "This file is listed, but the storage doesn't have its bytes: the folder or bucket is gone or was changed. "
            "Ask the operator to bring it back."
        )


def location(owner: UUID, blob: UUID) -> str:
    """Return where the bytes of a blob are: the one place that makes such a path, from two ids and nothing else."""
    return f"{owner}/{blob.hex}"


class Storage(Protocol):
    """A folder or a bucket."""

    async def save(self, at: str, chunks: AsyncIterator[bytes]) -> int:
        """Keep all of `chunks` at a location, or nothing, and return how many bytes that were.

        Raises:
            StorageError: the storage is full or does not answer.
            Exception: what `chunks` raised.

        """
        ...

    def read(self, at: str) -> AsyncIterator[bytes]:
        """Yield the bytes at a location, piece by piece.

        Raises:
            LostFileError: nothing is there.
            StorageError: the storage does not answer.

        """
        ...

    async def remove(self, at: str) -> None:
        """Forget the bytes at a location; where nothing is, nothing happens."""
        ...


def storage_of(settings: Settings) -> Storage:
    """Return the storage that the settings name. Nothing is opened until it is used.

    Raises:
        SettingsError: the package for it isn't installed.

    """
    if settings.storage_type == "s3":
        from headrace.files.s3 import S3Storage

        return S3Storage(
            bucket=settings.object_storage_bucket_name,
            prefix=settings.object_storage_prefix,
            tags=settings.object_storage_tags,
        )
    from headrace.files.folder import FolderStorage

    return FolderStorage(settings.config_dir.expanduser() / "files")
