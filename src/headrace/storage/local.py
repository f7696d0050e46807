"""Storage in a local folder."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import ParamSpec, TypeVar
from uuid import uuid4

from headrace.storage.storage import CHUNK_BYTES, MissingBlobError, StorageError, StorageFullError

P = ParamSpec("P")
T = TypeVar("T")

_DISK_FULL_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
#: A temporary file that is older than this is left over from a killed server, in seconds.
_MAX_PART_AGE_SECONDS = 24 * 3600


class LocalStorage:
    """Writes to a temporary file in `parts`, and moves it to its path when it is complete and synchronized to the disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._parts = root / "parts"
        self._cleaned_up = False

    async def save(self, path: str, chunks: AsyncIterator[bytes]) -> int:
        """Store all of `chunks`, or nothing, and return the number of bytes."""
        part = self._parts / uuid4().hex
        size = 0
        file = await _in_thread(self._create_part, part)
        try:
            try:
                async for chunk in _merge_small_chunks(chunks):
                    size += len(chunk)
                    await _in_thread(_write_all, file, chunk)
                await _in_thread(os.fsync, file)
            finally:
                await _in_thread(os.close, file)
            await _in_thread(_move, part, self._root / path)
        except BaseException:
            await asyncio.to_thread(part.unlink, missing_ok=True)
            raise
        return size

    def _create_part(self, part: Path) -> int:
        self._parts.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._cleaned_up:
            self._cleaned_up = True
            for leftover in self._parts.iterdir():
                if leftover.stat().st_mtime < time.time() - _MAX_PART_AGE_SECONDS:
                    leftover.unlink(missing_ok=True)
        return os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    async def read(self, path: str) -> AsyncIterator[bytes]:
        """Yield the bytes at a path."""
        file = await _in_thread(os.open, self._root / path, os.O_RDONLY)
        try:
            while chunk := await _in_thread(os.read, file, CHUNK_BYTES):
                yield chunk
        finally:
            await asyncio.to_thread(os.close, file)

    async def remove(self, path: str) -> None:
        """Delete the bytes at a path, if it exists."""
        with contextlib.suppress(MissingBlobError):
            await _in_thread((self._root / path).unlink)


def _write_all(file: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(file, view) :]


def _move(part: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part.rename(to)
    # A rename is durable only after an fsync of the folder.
    folder = os.open(to.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


async def _merge_small_chunks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    buffer, size = [], 0
    async for chunk in chunks:
        buffer.append(chunk)
        size += len(chunk)
        if size >= CHUNK_BYTES:
            yield b"".join(buffer)
            buffer, size = [], 0
    if buffer:
        yield b"".join(buffer)


async def _in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except FileNotFoundError as error:
        raise MissingBlobError from error
    except OSError as error:
        if error.errno in _DISK_FULL_ERRORS:
            raise StorageFullError from error
        raise StorageError(
            f"The storage folder failed: {error.strerror}. The file was not stored; try again."
        ) from error
