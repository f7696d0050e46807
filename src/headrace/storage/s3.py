"""Storage in an S3 bucket. Credentials, region and endpoint come from the AWS variables, such as AWS_ACCESS_KEY_ID."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from headrace.settings import SettingsError
from headrace.storage.storage import CHUNK_BYTES, MissingBlobError, StorageError

if TYPE_CHECKING:
    from obstore.store import S3Store

log = logging.getLogger(__name__)

#: The size of an upload's parts; S3 requires at least 5 MiB.
_PART_BYTES = 8 << 20
#: The number of an upload's parts that are in memory.
_MAX_CONCURRENT_PARTS = 2
_MAX_RETRY_TIME = timedelta(seconds=15)


class S3Storage:
    """Stores objects in a bucket under a prefix."""

    def __init__(self, *, bucket: str, prefix: str, tags: dict[str, str] | None) -> None:
        """Create a storage without connecting.

        Raises:
            SettingsError: the extra `s3` is not installed.

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

        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
        return S3Store(
            self._bucket,
            prefix=self._prefix or None,
            client_options={"allow_http": endpoint.startswith("http://"), "timeout": "300s", "connect_timeout": "10s"},
            retry_config={"max_retries": 2, "retry_timeout": _MAX_RETRY_TIME},
        )

    async def save(self, path: str, chunks: AsyncIterator[bytes]) -> int:
        """Store all of `chunks`, or nothing: an object exists only after the upload of its last part."""
        size = 0
        chunk_errors: list[BaseException] = []

        async def count_bytes() -> AsyncIterator[bytes]:
            nonlocal size
            try:
                async for chunk in chunks:
                    size += len(chunk)
                    yield chunk
            except BaseException as error:
                chunk_errors.append(error)
                raise

        try:
            await self._obstore.put_async(
                self._store,
                path,
                count_bytes(),
                tags=self._tags,
                chunk_size=_PART_BYTES,
                max_concurrency=_MAX_CONCURRENT_PARTS,
            )
        except Exception as error:
            if chunk_errors:
                raise chunk_errors[0] from None
            raise self._failure(error) from error
        return size

    async def read(self, path: str) -> AsyncIterator[bytes]:
        """Yield the bytes at a path."""
        try:
            response = await self._obstore.get_async(self._store, path)
            async for chunk in response.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)
        except FileNotFoundError as error:
            raise MissingBlobError from error
        except self._obstore.exceptions.BaseError as error:
            raise self._failure(error) from error

    async def remove(self, path: str) -> None:
        """Delete the bytes at a path, if it exists."""
        try:
            await self._obstore.delete_async(self._store, path)
        except FileNotFoundError:
            return
        except self._obstore.exceptions.BaseError as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> StorageError:
        log.error("The storage bucket failed: %s", type(error).__name__)
        return StorageError(
            f"The storage bucket {self._bucket} does not answer or rejects the request. The file was not stored. Try again; "
            "if the error persists, ask the operator to check the bucket and its credentials."
        )
