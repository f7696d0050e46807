"""RSS and Atom feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.net.crawler import Page, WebError
from headrace.parsing.errors import InvalidInputError

if TYPE_CHECKING:
    from headrace.parsing.parser import Parser
from headrace.net.urls import displayed_url


async def parse_feed(parser: Parser, page: Page) -> list[dict[str, str]]:
    """Return the entries of an RSS or Atom feed, each with `title`, `link`, `published` and `summary`.

    Raises:
        WebError: the page is not a feed.
        ParsingLimitError: the feed takes too long or too much memory to parse.
        MissingParserError: the extra `web` is not installed.

    """
    try:
        entries: list[dict[str, str]] = (await parser.call("list_feed_entries", page.body)).value
    except InvalidInputError as error:
        raise WebError(f"{displayed_url(page.url)} {error.message}") from error
    return entries
