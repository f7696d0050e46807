"""Read RSS and Atom feeds.

Formats: https://www.rssboard.org/rss-specification and RFC 4287.
"""

from __future__ import annotations

from typing import Any

from headrace.parsing.errors import InvalidInputError, MissingParserError


def list_feed_entries(body: bytes) -> tuple[list[dict[str, str]], str]:
    """Return the entries of an RSS or Atom feed, each with `title`, `link`, `published` and `summary`.

    Raises:
        InvalidInputError: the body is not a feed.
        MissingParserError: the extra `web` is not installed.

    """
    try:
        from defusedxml import DefusedXmlException
        from defusedxml.ElementTree import ParseError, fromstring
    except ModuleNotFoundError as error:
        raise MissingParserError(
            "Feeds need a package that isn't installed. Install it with: pip install 'headrace[web]'"
        ) from error
    try:
        root = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise InvalidInputError(f"is not a valid feed: {error}") from error
    if _tag(root) not in {"rss", "feed", "RDF"}:
        raise InvalidInputError(f"is not a feed: its root element is {_tag(root)!r}.")
    entries = [e for e in root.iter() if _tag(e) in {"item", "entry"}]
    rows = [
        {
            "title": _text_in(entry, "title"),
            "link": _link_in(entry),
            "published": _text_in(entry, "pubDate", "published", "updated"),
            "summary": _text_in(entry, "description", "summary", "content"),
        }
        for entry in entries
    ]
    return rows, ""


def _tag(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _text_in(entry: Any, *names: str) -> str:
    found = next((child for name in names for child in entry if _tag(child) == name), None)
    return "".join(found.itertext()).strip() if found is not None else ""


def _link_in(entry: Any) -> str:
    found = next((child for child in entry if _tag(child) == "link"), None)
    return str(found.get("href") or found.text or "").strip() if found is not None else ""
