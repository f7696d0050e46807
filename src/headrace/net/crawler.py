"""Fetches web pages through the egress guard, with limits on size and number, and reads their text and links."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.errors import HeadraceError
from headrace.net.content_encoding import ACCEPT_ENCODING, read_decoded
from headrace.net.urls import displayed_url

if TYPE_CHECKING:
    import httpx2

    from headrace.component.context import Egress
    from headrace.parsing.parser import Parser

MAX_PAGE_BYTES = 5 << 20
MAX_PAGES = 200
MAX_CONCURRENT_REQUESTS = 8


class WebError(HeadraceError):
    """A page or a feed cannot be read."""


@dataclass(frozen=True, slots=True)
class Page:
    """The response of a URL.

    Attributes:
        encoding: the encoding in the response's headers, or the one that the caller requires; empty if there is none.

    """

    url: str
    status: int
    content_type: str
    body: bytes
    encoding: str

    @property
    def is_html(self) -> bool:
        """Return whether the body is an HTML page."""
        return "html" in self.content_type

    @property
    def text(self) -> str:
        """Return the body as text; UTF-8 if no encoding is known."""
        return self.body.decode(self.encoding or "utf-8", "replace")


@dataclass(frozen=True, slots=True)
class PageFetcher:
    """Fetches pages.

    Attributes:
        timeout: the limit of each wait for the server, in seconds.
        headers: the headers of each request.
        in_named_encoding: whether to use the encoding in the response's headers or in the page, or else UTF-8.

    """

    egress: Egress
    timeout: float
    headers: Mapping[str, str] = field(default_factory=dict)
    in_named_encoding: bool = True

    async def get(self, url: str) -> Page:
        """Return the response of a URL, whatever its status.

        Raises:
            WebError: the server does not answer, or the response is too large.
            EgressError: the host is not allowed.

        """
        import httpx2

        self.egress.check(url)
        try:
            async with (
                self.egress.client(self.timeout) as client,
                client.stream("GET", url, headers={**ACCEPT_ENCODING, **self.headers}) as response,
            ):
                body = await _read_limited(response)
                content_type = response.headers.get("content-type", "").lower()
                encoding = _known_encoding(response.charset_encoding) if self.in_named_encoding else "utf-8"
                return Page(str(response.url), response.status_code, content_type, body, encoding)
        except httpx2.HTTPError as error:
            raise WebError(f"{displayed_url(url)} does not answer: {error or type(error).__name__}") from error


async def _read_limited(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in read_decoded(response):
        body += chunk
        if len(body) > MAX_PAGE_BYTES:
            raise WebError(f"{displayed_url(str(response.url))} is larger than {MAX_PAGE_BYTES >> 20} MiB.")
    return bytes(body)


def _known_encoding(encoding: str | None) -> str:
    """Return an encoding that Python knows, or an empty string."""
    try:
        "".encode(encoding or "")
    except LookupError:
        return ""
    return encoding or ""


@dataclass(frozen=True, slots=True)
class PageContent:
    """The text of a page without its markup, one line per text node, and the properties that the page declares."""

    text: str
    title: str = ""
    description: str = ""
    language: str = ""


async def read_content(parser: Parser, page: Page) -> PageContent:
    """Return the content of a page. A page that is not HTML consists of text alone.

    Raises:
        ParsingLimitError: the page takes too long or too much memory to parse.
        MissingParserError: the extra `web` is not installed.

    """
    if not page.is_html:
        return PageContent(page.text)
    parsed = await parser.call("read_page", page.body, encoding=page.encoding)
    return PageContent(parsed.text, **parsed.value)


async def list_links(parser: Parser, page: Page, *, follow_external: bool) -> list[str]:
    """Return the URLs that a page links to; those of other hosts only with `follow_external`.

    Raises:
        ParsingLimitError: the page takes too long or too much memory to parse.
        MissingParserError: the extra `web` is not installed.

    """
    if not page.is_html:
        return []
    options = {"encoding": page.encoding, "url": page.url, "follow_external": follow_external}
    links: list[str] = (await parser.call("list_links", page.body, **options)).value
    return links


async def crawl(
    starts: list[str],
    *,
    depth: int,
    get: Callable[[str], Awaitable[Page]],
    links_of: Callable[[Page], Awaitable[list[str]]],
    failed: Callable[[str, HeadraceError], None],
) -> list[Page]:
    """Return pages and the pages that they link to, level by level; at most `MAX_PAGES`.

    Args:
        starts: the URLs of the first level.
        depth: the number of levels; 1 for the first level alone.
        get: fetches a page.
        links_of: returns the links of a page that are followed.
        failed: is called with the URL and the error of each page that cannot be fetched or parsed; may raise.

    """
    seen = set(starts)
    level = list(dict.fromkeys(starts))
    pages: list[Page] = []
    limit = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)

    async def fetch(url: str) -> Page | None:
        async with limit:
            try:
                return await get(url)
            except HeadraceError as error:
                failed(url, error)
                return None

    async def follow(page: Page) -> list[str]:
        try:
            return await links_of(page)
        except HeadraceError as error:
            failed(page.url, error)
            return []

    for step in range(max(depth, 1)):
        level = level[: MAX_PAGES - len(pages)]
        found = [page for page in await asyncio.gather(*map(fetch, level)) if page is not None]
        pages += found
        if step + 1 == depth or len(pages) >= MAX_PAGES:
            break
        following = [url for links in await asyncio.gather(*map(follow, found)) for url in links]
        level = [url for url in dict.fromkeys(following) if url not in seen]
        seen.update(level)
    return pages
