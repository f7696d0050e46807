"""Downloads: files and ZIP archives, streamed so that none is loaded into memory."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import StreamingResponse

ZIP_TYPE = "application/x-zip-compressed"

#: Headers that let a browser display or save a file, but not run scripts in it.
SAFE_DOWNLOAD_HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
}


def attachment_headers(name: str) -> dict[str, str]:
    """Return the headers that make a browser save a response under this name (RFC 6266)."""
    plain = name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_").replace("\\", "_")
    return {
        **SAFE_DOWNLOAD_HEADERS,
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
    }


async def streaming_response(
    chunks: AsyncIterator[bytes], *, media_type: str, headers: dict[str, str], size: int | None = None
) -> Response:
    """Return a response that streams `chunks`.

    The first chunk is read before the response starts, so that a missing file is reported with its own status.

    """
    first = await anext(chunks, b"")

    async def all_chunks() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    length = {} if size is None else {"content-length": str(size)}
    return StreamingResponse(all_chunks(), media_type=media_type, headers={**headers, **length})


class _ZipBuffer(io.RawIOBase):
    """Buffers written bytes until they are fetched."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        self._buffer += data
        return len(data)

    def fetch(self) -> bytes:
        content = bytes(self._buffer)
        self._buffer.clear()
        return content


async def zip_chunks(
    entries: AsyncIterator[tuple[str, bytes | AsyncIterator[bytes]]], comment: bytes = b""
) -> AsyncIterator[bytes]:
    """Yield the chunks of a ZIP.

    Args:
        entries: the name of each entry, and its content or the chunks of it. Repeated names get a number.
        comment: the comment of the archive.

    """
    buffer, names = _ZipBuffer(), UniqueNames()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        archive.comment = comment
        async for name, content in entries:
            info = zipfile.ZipInfo(names.reserve(name))
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as entry:
                if isinstance(content, bytes):
                    await asyncio.to_thread(entry.write, content)
                else:
                    async for chunk in content:
                        await asyncio.to_thread(entry.write, chunk)
                        yield buffer.fetch()
            yield buffer.fetch()
    yield buffer.fetch()


class UniqueNames:
    """Makes the names of an archive's entries unique. Names that differ only in case count as equal, as on many file systems."""

    def __init__(self) -> None:
        self._reserved: set[str] = set()

    def reserve(self, name: str) -> str:
        """Return `name`, with a number before its extension if it is in use."""
        stem, dot, extension = name.rpartition(".")
        unique, number = name, 0
        while unique.lower() in self._reserved:
            number += 1
            unique = f"{stem} ({number}){dot}{extension}" if dot else f"{name} ({number})"
        self._reserved.add(unique.lower())
        return unique
