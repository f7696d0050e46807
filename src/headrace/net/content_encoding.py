"""Decode compressed response bodies in small pieces, so that a short body cannot become gigabytes at once.

HTTP clients decode each piece that arrives as a whole: 64 KiB of gzip become up to 64 MiB, other formats far more. A limit on
the size of a body is checked too late then.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from headrace.errors import HeadraceError

if TYPE_CHECKING:
    import httpx2

#: The encodings that `read_decoded` supports, for the request.
ACCEPT_ENCODING = {"Accept-Encoding": "gzip, deflate"}
#: Maximum size of a decoded piece, in bytes.
MAX_PIECE_BYTES = 64 << 10
#: Window sizes of zlib, by content encoding (RFC 9110, section 8.4.1): 32 for the header of gzip or zlib, whichever is there.
_WINDOW_BITS = {"gzip": 32 + zlib.MAX_WBITS, "x-gzip": 32 + zlib.MAX_WBITS, "deflate": 32 + zlib.MAX_WBITS}


class ContentEncodingError(HeadraceError):
    """The body of a response has an encoding that is not supported, or is damaged."""


async def read_decoded(response: httpx2.Response) -> AsyncIterator[bytes]:
    """Yield the body of a response in pieces of at most `MAX_PIECE_BYTES` if it is compressed.

    Raises:
        ContentEncodingError: the encoding is not supported, or the body is damaged.

    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"", "identity"}:
        async for chunk in response.aiter_raw():
            yield chunk
        return
    if encoding not in _WINDOW_BITS:
        raise ContentEncodingError(
            f"{response.url} has the content encoding {encoding[:50]!r}, which is not supported. Remove the header Accept-Encoding."
        )
    decoder = _Decoder(encoding)
    async for chunk in response.aiter_raw():
        try:
            for piece in decoder.decode(chunk):
                yield piece
        except zlib.error as error:
            raise ContentEncodingError(f"{response.url} is not valid {encoding}: {error}") from error


class _Decoder:
    """Decodes gzip and deflate."""

    def __init__(self, encoding: str) -> None:
        self._accepts_raw = encoding == "deflate"
        self._inflate = zlib.decompressobj(_WINDOW_BITS[encoding])

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        while chunk and not self._inflate.eof:
            try:
                piece = self._inflate.decompress(chunk, MAX_PIECE_BYTES)
            except zlib.error:
                if not self._accepts_raw:
                    raise
                # Some servers send `deflate` without the header of zlib.
                self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
                piece = self._inflate.decompress(chunk, MAX_PIECE_BYTES)
            self._accepts_raw = False
            chunk = self._inflate.unconsumed_tail
            if piece:
                yield piece
