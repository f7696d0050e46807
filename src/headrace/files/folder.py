"""Bytes in a folder of this machine."""

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

from headrace.files.storage import CHUNK_BYTES, LostFileError, StorageError, StorageFullError

P = ParamSpec("P")
T = TypeVar("T")

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
#: A part that nobody has written to for so long, seconds, is what a killed server left.
_ABANDONED_AFTER = 24 * 3600


class FolderStorage:
    """Writes to a part beside the others and renames it when it is whole and on the disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._parts = root / "parts"
        self._tidied = False

    async def save(self, at: str, chunks: AsyncIterator[bytes]) -> int:
        """Keep all of `chunks`, or nothing."""
        part = self._parts / uuid4().hex
        size = 0
        file = await _in_thread(self._begin, part)
        try:
            try:
                async for chunk in _in_large_pieces(chunks):
                    size += len(chunk)
                    await _in_thread(_write_all, file, chunk)
                await _in_thread(os.fsync, file)
            finally:
                await _in_thread(os.close, file)
            await _in_thread(_move, part, self._root / at)
        except BaseException:
            await asyncio.to_thread(part.unlink, missing_ok=True)
            raise
        return size

    def _begin(self, part: Path) -> int:
        self._parts.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._tidied:
            self._tidied = True
            for left in self._parts.iterdir():
                if left.stat().st_mtime < time.time() - _ABANDONED_AFTER:
                    left.unlink(missing_ok=True)
        return os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    async def read(self, at: str) -> AsyncIterator[bytes]:
        """Yield the bytes at a location."""
        file = await _in_thread(os.open, self._root / at, os.O_RDONLY)
        try:
            while chunk := await _in_thread(os.read, file, CHUNK_BYTES):
                yield chunk
        finally:
            await asyncio.to_thread(os.close, file)

    async def remove(self, at: str) -> None:
        """Forget the bytes at a location."""
        with contextlib.suppress(LostFileError):
            await _in_thread((self._root / at).unlink)


def _write_all(file: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(file, view) :]


def _move(part: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part.rename(to)
    # The name is on the disk only once its folder is.
    folder = os.open(to.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


async def _in_large_pieces(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    held, size = [], 0
    async for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


async def _in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except FileNotFoundError as error:
        raise LostFileError from error
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFullError from error
        raise StorageError(f"The storage does not work: {error.strerror}. Nothing was kept; try again.") from error
