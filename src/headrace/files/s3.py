"""Bytes in an S3 bucket. Credentials, region and address are AWS's own variables: AWS_ACCESS_KEY_ID and the others."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from headrace.files.storage import CHUNK_BYTES, LostFileError, StorageError
from headrace.settings import SettingsError

if TYPE_CHECKING:
    from obstore.store import S3Store

log = logging.getLogger(__name__)

#: S3 takes parts of 5 MiB and more; so many of one upload are in memory at once.
_PART_BYTES = 8 << 20
_PARTS_AT_ONCE = 2
_PATIENCE = timedelta(seconds=15)


class S3Storage:
    """One bucket, under one prefix."""

    def __init__(self, *, bucket: str, prefix: str, tags: dict[str, str] | None) -> None:
        """Set up without connecting.

        Raises:
            SettingsError: the extra `s3` isn't installed.

        """
        try:
            import obstore
        except ModuleNotFoundError as error:
            raise SettingsError(
                "LANGFLOW_STORAGE_TYPE=s3 needs a package that isn't installed. Install it with: pip install 'headrace[s3]'"
            ) from error
        self._obstore = obstore
        self._bucket = bucket
        self._prefix = prefix.strip("/")
        self._tags = tags

    @cached_property
    def _store(self) -> S3Store:
        from obstore.store import S3Store

        address = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
        return S3Store(
            self._bucket,
            prefix=self._prefix or None,
            client_options={"allow_http": address.startswith("http://"), "timeout": "300s", "connect_timeout": "10s"},
            retry_config={"max_retries": 2, "retry_timeout": _PATIENCE},
        )

    async def save(self, at: str, chunks: AsyncIterator[bytes]) -> int:
        """Keep all of `chunks`, or nothing: S3 shows an object once its last part is there."""
        size = 0
        failed: list[BaseException] = []

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            try:
                async for chunk in chunks:
                    size += len(chunk)
                    yield chunk
            except BaseException as error:
                failed.append(error)
                raise

        try:
            await self._obstore.put_async(
                self._store,
                at,
                counted(),
                tags=self._tags,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )
        except Exception as error:
            if failed:
                raise failed[0] from None
            raise self._failure(error) from error
        return size

    async def read(self, at: str) -> AsyncIterator[bytes]:
        """Yield the bytes at a location."""
        try:
            got = await self._obstore.get_async(self._store, at)
            async for chunk in got.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)
        except FileNotFoundError as error:
            raise LostFileError from error
        except self._obstore.exceptions.BaseError as error:
            raise self._failure(error) from error

    async def remove(self, at: str) -> None:
        """Forget the bytes at a location."""
        try:
            await self._obstore.delete_async(self._store, at)
        except FileNotFoundError:
            return
        except self._obstore.exceptions.BaseError as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> StorageError:
        log.error("the bucket failed: %s", type(error).__name__)
        return StorageError(
            f"The storage bucket {self._bucket} does not answer, or refuses. Nothing was kept; try again, "
            "and ask the operator to check the bucket and its keys if it goes on."
        )
