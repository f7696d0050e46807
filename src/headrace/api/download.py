"""Downloads: files and archives as they are read, never whole in memory."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Iterable
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import StreamingResponse

ZIP_TYPE = "application/x-zip-compressed"

#: Headers that keep a browser from doing anything with a file but show or save it.
INERT = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
}


def attachment(name: str) -> dict[str, str]:
    """Return the headers that make a browser save what comes under a name (RFC 6266)."""
    plain = name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_").replace("\\", "_")
    return {
        **INERT,
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
    }


async def streamed(
    chunks: AsyncIterator[bytes], *, media_type: str, headers: dict[str, str], size: int | None = None
) -> Response:
    """Return a response of `chunks`. The first is read before anything is sent, so that a lost file is an error of its own."""
    first = await anext(chunks, b"")

    async def all_of() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    length = {} if size is None else {"content-length": str(size)}
    return StreamingResponse(all_of(), media_type=media_type, headers={**headers, **length})


class _Sink(io.RawIOBase):
    """Takes what is written until it is fetched."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        self._held += data
        return len(data)

    def fetch(self) -> bytes:
        held = bytes(self._held)
        self._held.clear()
        return held


async def zip_chunks(entries: Iterable[tuple[str, AsyncIterator[bytes]]]) -> AsyncIterator[bytes]:
    """Yield a ZIP of entries, name and bytes, piece by piece; names that come twice get a number."""
    sink, names = _Sink(), UniqueNames()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        for name, chunks in entries:
            info = zipfile.ZipInfo(names.take(name))
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as entry:
                async for chunk in chunks:
                    await asyncio.to_thread(entry.write, chunk)
                    yield sink.fetch()
            yield sink.fetch()
    yield sink.fetch()


class UniqueNames:
    """Gives out names for an archive's entries, each once; upper and lower case count as the same, as on many disks."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        """Return `name`, with a number before its ending where it was given out before."""
        stem, dot, ending = name.rpartition(".")
        free, number = name, 0
        while free.lower() in self._taken:
            number += 1
            free = f"{stem} ({number}){dot}{ending}" if dot else f"{name} ({number})"
        self._taken.add(free.lower())
        return free
