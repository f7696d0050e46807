"""Pages and feeds of the web, read into texts: through the guarded egress, bounded in size and number."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urljoin, urlsplit

from headrace.errors import HeadraceError

if TYPE_CHECKING:
    import httpx2
    from bs4 import BeautifulSoup

    from headrace.component.context import Egress

#: The largest page, bytes.
LARGEST = 5 << 20
#: Pages of one crawl, and of these at once.
MOST_PAGES = 200
AT_ONCE = 8


class WebError(HeadraceError):
    """A page cannot be read; says which and why."""


@dataclass(frozen=True, slots=True)
class Page:
    """What an address answered."""

    url: str
    status: int
    content_type: str
    body: bytes
    encoding: str

    @property
    def is_html(self) -> bool:
        """Whether it is a page rather than a file."""
        return "html" in self.content_type

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(self.encoding, "replace")

    def soup(self) -> BeautifulSoup:
        """Return the page, parsed.

        Raises:
            WebError: the extra `web` isn't installed.

        """
        try:
            from bs4 import BeautifulSoup
        except ModuleNotFoundError as error:
            raise WebError("Pages need a package that isn't installed: pip install 'headrace[web]'") from error
        return BeautifulSoup(self.text, "html.parser")


@dataclass(frozen=True, slots=True)
class Fetching:
    """How pages are fetched."""

    egress: Egress
    timeout: float
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Whether a page is read in the encoding that its server names; else it is read as UTF-8, as one without a name is.
    in_named_encoding: bool = True

    async def get(self, url: str) -> Page:
        """Return what an address answers, whatever its status.

        Raises:
            WebError: nothing answers, or too much.
            EgressError: it may not be reached.

        """
        import httpx2

        self.egress.check(url)
        try:
            async with (
                self.egress.client(self.timeout) as client,
                client.stream("GET", url, headers=dict(self.headers)) as answer,
            ):
                body = await _bounded(answer)
                kind = answer.headers.get("content-type", "").lower()
                named = answer.charset_encoding if self.in_named_encoding else None
                return Page(str(answer.url), answer.status_code, kind, body, _known(named or "utf-8"))
        except httpx2.HTTPError as error:
            raise WebError(f"{url} does not answer: {error or type(error).__name__}") from error


async def _bounded(answer: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > LARGEST:
            raise WebError(f"{answer.url} is larger than {LARGEST >> 20} MiB.")
    return bytes(body)


def _known(encoding: str) -> str:
    try:
        "".encode(encoding)
    except LookupError:
        return "utf-8"
    return encoding


def links_of(page: Page, *, outside: bool) -> list[str]:
    """Return the addresses that a page links to, those of other hosts only where they are wanted."""
    host = urlsplit(page.url).hostname
    found: list[str] = []
    for anchor in page.soup().find_all("a", href=True):
        url = urldefrag(urljoin(page.url, str(anchor["href"]))).url
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and (outside or parts.hostname == host):
            found.append(url)
    return list(dict.fromkeys(found))


def words_of(page: Page) -> str:
    """Return a page's text without its markup, a line for each piece."""
    return words_in(page.soup()) if page.is_html else page.text


def words_in(soup: BeautifulSoup) -> str:
    """Return the text of a parsed page, a line for each piece; what is not shown is cut out of `soup`."""
    for unseen in soup(["script", "style", "noscript", "template"]):
        unseen.decompose()
    lines = (line.strip() for line in soup.get_text("\n").splitlines())
    return "\n".join(line for line in lines if line)


def facts_in(soup: BeautifulSoup) -> dict[str, str]:
    """Return a parsed page's title, description and language, as it names them."""
    meta = soup.find("meta", attrs={"name": "description"})
    html = soup.find("html")
    return {
        "title": soup.title.get_text(strip=True) if soup.title else "",
        "description": str(meta.get("content") or "") if meta else "",
        "language": str(html.get("lang") or "") if html else "",
    }


async def crawl(
    starts: list[str],
    *,
    depth: int,
    outside: bool,
    get: Callable[[str], Awaitable[Page]],
    failed: Callable[[str, HeadraceError], None],
) -> list[Page]:
    """Return the pages at some addresses, and those that they link to, level by level.

    Args:
        starts: where to begin.
        depth: 1 for these pages alone, 2 with those that they link to, and so on.
        outside: whether other hosts are gone to.
        get: fetches a page.
        failed: told of each that cannot be fetched; may raise.

    """
    seen = set(starts)
    level = list(dict.fromkeys(starts))
    pages: list[Page] = []
    room = asyncio.Semaphore(AT_ONCE)

    async def fetched(url: str) -> Page | None:
        async with room:
            try:
                return await get(url)
            except HeadraceError as error:
                failed(url, error)
                return None

    for step in range(max(depth, 1)):
        level = level[: MOST_PAGES - len(pages)]
        found = [page for page in await asyncio.gather(*map(fetched, level)) if page is not None]
        pages += found
        if step + 1 == depth or len(pages) >= MOST_PAGES:
            break
        linked = [asyncio.to_thread(links_of, page, outside=outside) for page in found if page.is_html]
        following = [url for links in await asyncio.gather(*linked) for url in links]
        level = [url for url in dict.fromkeys(following) if url not in seen]
        seen.update(level)
    return pages


def entries_of_feed(page: Page) -> list[dict[str, str]]:
    """Return the entries of an RSS or Atom feed: title, link, published, summary.

    Raises:
        WebError: it is no feed, or the extra `web` isn't installed.

    """
    try:
        from defusedxml import DefusedXmlException
        from defusedxml.ElementTree import ParseError, fromstring
    except ModuleNotFoundError as error:
        raise WebError("Feeds need a package that isn't installed: pip install 'headrace[web]'") from error
    try:
        root = fromstring(page.body)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise WebError(f"{page.url} is no feed: {error}") from error
    if _tag(root) not in {"rss", "feed", "RDF"}:
        raise WebError(f"{page.url} is no feed, but holds {_tag(root)!r}.")
    entries = [e for e in root.iter() if _tag(e) in {"item", "entry"}]
    return [
        {
            "title": _text_in(entry, "title"),
            "link": _link_in(entry),
            "published": _text_in(entry, "pubDate", "published", "updated"),
            "summary": _text_in(entry, "description", "summary", "content"),
        }
        for entry in entries
    ]


def _tag(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _text_in(entry: Any, *names: str) -> str:
    found = next((child for name in names for child in entry if _tag(child) == name), None)
    return "".join(found.itertext()).strip() if found is not None else ""


def _link_in(entry: Any) -> str:
    found = next((child for child in entry if _tag(child) == "link"), None)
    return str(found.get("href") or found.text or "").strip() if found is not None else ""
