"""Compressed bodies are decoded in small pieces."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import httpx2
import pytest

from headrace.net.content_encoding import MAX_PIECE_BYTES, ContentEncodingError, read_decoded

TEXT = b"0123456789" * 200_000
RAW = zlib.compressobj(wbits=-zlib.MAX_WBITS)
RAW_DEFLATE = RAW.compress(TEXT) + RAW.flush()


def decode(body: bytes, encoding: str | None, chunk_size: int = 1000) -> list[bytes]:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), chunk_size):
            yield body[start : start + chunk_size]

    async def read() -> list[bytes]:
        headers = {"content-encoding": encoding} if encoding is not None else {}
        request = httpx2.Request("GET", "http://a/")
        response = httpx2.Response(200, headers=headers, content=chunks(), request=request)
        return [piece async for piece in read_decoded(response)]

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (TEXT, None),
        (TEXT, "identity"),
        (gzip.compress(TEXT), "gzip"),
        (zlib.compress(TEXT), "deflate"),
        (RAW_DEFLATE, "deflate"),
    ],
    # Without names, the ids contain the bodies, and gzip writes the time into them.
    ids=["no encoding", "identity", "gzip", "deflate", "raw deflate"],
)
def test_bodies_are_decoded(body: bytes, encoding: str | None) -> None:
    pieces = decode(body, encoding)
    assert b"".join(pieces) == TEXT
    assert max(map(len, pieces)) <= MAX_PIECE_BYTES


def test_a_body_of_one_chunk_is_decoded_in_pieces() -> None:
    pieces = decode(gzip.compress(bytes(50_000_000)), "gzip", chunk_size=1 << 20)
    assert sum(map(len, pieces)) == 50_000_000
    assert max(map(len, pieces)) <= MAX_PIECE_BYTES


@pytest.mark.parametrize(("body", "encoding"), [(b"x", "br"), (b"no gzip", "gzip"), (b"\xff\xff\xff", "deflate")])
def test_unknown_encodings_and_damaged_bodies_are_rejected(body: bytes, encoding: str) -> None:
    with pytest.raises(ContentEncodingError):
        decode(body, encoding)
