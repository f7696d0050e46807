"""The encodings of web pages."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import FastAPI, Response

from headrace.net.crawler import PageFetcher, read_content
from headrace.net.egress import EgressGuard
from headrace.parsing.direct_parser import DirectParser
from tests.support.server import serving

pytest.importorskip("bs4", reason="the extra `web` isn't installed")

TEXT = "Grüße aus Zürich"


@pytest.mark.parametrize(
    ("encoding", "content_type", "head"),
    [
        ("iso-8859-1", "text/html", '<meta charset="iso-8859-1">'),
        ("windows-1252", "text/html", '<meta http-equiv="content-type" content="text/html; charset=windows-1252">'),
        ("iso-8859-1", "text/html; charset=iso-8859-1", ""),
        ("iso-8859-1", "text/html; charset=iso-8859-1", '<meta charset="utf-8">'),
        ("utf-8", "text/html", ""),
        ("utf-16", "text/html", ""),
    ],
)
def test_a_page_is_read_in_the_encoding_of_its_headers_or_else_its_own(
    encoding: str, content_type: str, head: str
) -> None:
    page = f"<html><head>{head}</head><body>{TEXT}</body></html>".encode(encoding)
    app = FastAPI()

    @app.get("/")
    def serve_page() -> Response:
        response = Response(page)
        response.headers["content-type"] = content_type
        return response

    async def fetch(url: str) -> str:
        egress = EgressGuard(enabled=True, allowed=["127.0.0.1"])
        try:
            return (await read_content(DirectParser(), await PageFetcher(egress, 5).get(url))).text
        finally:
            await egress.close()

    with serving(app) as base:
        assert asyncio.run(fetch(base)) == TEXT
