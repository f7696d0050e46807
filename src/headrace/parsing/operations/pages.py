"""Read HTML pages: text, metadata, links and search results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urljoin, urlsplit

from headrace.parsing.errors import MissingParserError

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

#: Maximum number of links that are returned of a page.
MAX_LINKS = 10_000
#: Maximum length of a link, in characters. Longer links are ignored, as servers do not accept them.
MAX_LINK_LENGTH = 8192
#: Maximum number of search results that are returned of a page.
MAX_SEARCH_RESULTS = 10


def _parse(body: bytes, encoding: str) -> BeautifulSoup:
    """Return a parsed page.

    The parser gets bytes: without an encoding in the headers it reads the byte order mark or the `<meta>` element
    (https://html.spec.whatwg.org/multipage/parsing.html#determining-the-character-encoding).

    Raises:
        MissingParserError: the extra `web` is not installed.

    """
    try:
        from bs4 import BeautifulSoup
    except ModuleNotFoundError as error:
        raise MissingParserError(
            "Web pages need a package that isn't installed. Install it with: pip install 'headrace[web]'"
        ) from error
    return BeautifulSoup(body, "html.parser", from_encoding=encoding or None)


def read_page(body: bytes, *, encoding: str) -> tuple[dict[str, str], str]:
    """Return the title, description and language that a page declares, and its text.

    Args:
        body: the page.
        encoding: its encoding, or an empty string to detect it.

    """
    soup = _parse(body, encoding)
    meta = soup.find("meta", attrs={"name": "description"})
    html = soup.find("html")
    metadata = {
        "title": soup.title.get_text(strip=True) if soup.title else "",
        "description": str(meta.get("content") or "") if meta else "",
        "language": str(html.get("lang") or "") if html else "",
    }
    return metadata, _visible_text(soup)


def _visible_text(soup: BeautifulSoup) -> str:
    """Return the text of a page without its markup, one line per text node. Removes invisible elements from `soup`."""
    for invisible in soup(["script", "style", "noscript", "template"]):
        invisible.decompose()
    lines = (line.strip() for line in soup.get_text("\n").splitlines())
    return "\n".join(line for line in lines if line)


def list_links(body: bytes, *, encoding: str, url: str, follow_external: bool) -> tuple[list[str], str]:
    """Return the URLs that a page links to, without duplicates; at most `MAX_LINKS`.

    Args:
        body: the page.
        encoding: its encoding, or an empty string to detect it.
        url: its URL.
        follow_external: whether to include the links to other hosts.

    """
    host = urlsplit(url).hostname
    found: dict[str, None] = {}
    for anchor in _parse(body, encoding).find_all("a", href=True):
        link = _absolute(url, str(anchor["href"]))
        if link is not None and (follow_external or urlsplit(link).hostname == host):
            found[link] = None
        if len(found) == MAX_LINKS:
            break
    return list(found), ""


def _absolute(url: str, link: str) -> str | None:
    """Return the absolute URL of a link without its fragment, or None if it is not an HTTP URL."""
    if len(link) > MAX_LINK_LENGTH:
        return None
    try:
        absolute = urldefrag(urljoin(url, link)).url
        return absolute if urlsplit(absolute).scheme in {"http", "https"} and urlsplit(absolute).hostname else None
    except ValueError:
        # For example an IPv6 address without its closing bracket.
        return None


def list_search_results(body: bytes, *, encoding: str) -> tuple[list[dict[str, str]], str]:
    """Return the first results on a page of the search engine, each with `title`, `link` and `snippet`."""
    rows: list[dict[str, str]] = []
    for result in _parse(body, encoding).select(".result", limit=MAX_SEARCH_RESULTS):
        link: Any = result.select_one("a.result__a")
        snippet = result.select_one(".result__snippet")
        if link is not None and len(str(link.get("href", ""))) <= MAX_LINK_LENGTH:
            rows.append(
                {
                    "title": link.get_text(" ", strip=True),
                    "link": str(link["href"]),
                    "snippet": snippet.get_text(" ", strip=True) if snippet else "",
                }
            )
    return rows, ""
