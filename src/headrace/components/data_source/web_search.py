"""Web Search: searches the web or the news, or reads an RSS feed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlencode, urljoin, urlsplit

from headrace.component import Component, IntInput, MessageTextInput, Output, TabInput
from headrace.component.component import ComponentError
from headrace.errors import HeadraceError
from headrace.net.crawler import Page, PageFetcher, read_content
from headrace.net.feeds import parse_feed

if TYPE_CHECKING:
    from headrace.parsing.parser import Parser
    from headrace.schema.dataframe import DataFrame

#: The default addresses of the searches, and the variables with which the operator can change them.
WEB_VARIABLE, WEB_URL = "HEADRACE_WEB_SEARCH_URL", "https://html.duckduckgo.com/html/"
NEWS_VARIABLE, NEWS_URL = "HEADRACE_NEWS_URL", "https://news.google.com/rss"
MAX_RESULTS = 10
_HEADERS = {"User-Agent": "Mozilla/5.0 (compatible; headrace)"}


class WebSearchComponent(Component):
    """Search the web or the news, or read an RSS feed."""

    name = "UnifiedWebSearch"
    display_name = "Web Search"
    description = "Searches the web or the news, or reads an RSS feed."
    icon = "search"
    inputs = [
        TabInput(
            name="search_mode",
            display_name="Search Mode",
            options=["Web", "News", "RSS"],
            value="Web",
            real_time_refresh=True,
            tool_mode=True,
            info="Web searches the web, News searches the news, RSS reads the feed at the query's URL.",
        ),
        MessageTextInput(
            name="query",
            display_name="Search Query",
            required=True,
            tool_mode=True,
            info="Text to search for. In RSS mode, the URL of the feed.",
        ),
        MessageTextInput(
            name="hl",
            display_name="Language (hl)",
            input_types=[],
            advanced=True,
            info="Language of the news, such as en-US.",
        ),
        MessageTextInput(
            name="gl",
            display_name="Country (gl)",
            input_types=[],
            advanced=True,
            info="Country of the news, such as US.",
        ),
        MessageTextInput(
            name="ceid",
            display_name="Country:Language (ceid)",
            input_types=[],
            value="US:en",
            advanced=True,
            info="Edition of the news as country and language, such as US:en.",
        ),
        MessageTextInput(
            name="topic",
            display_name="Topic",
            input_types=[],
            advanced=True,
            info="News topic, such as BUSINESS. Replaces the query.",
        ),
        MessageTextInput(
            name="location",
            display_name="Location (Geo)",
            input_types=[],
            advanced=True,
            info="Place that the news is about. Replaces the query.",
        ),
        IntInput(
            name="timeout",
            display_name="Timeout",
            value=5,
            advanced=True,
            info="Time limit for each request, in seconds.",
        ),
    ]
    outputs = [Output(name="results", display_name="Results", method="perform_search")]

    async def perform_search(self) -> DataFrame:
        """Return a table with a row for each result.

        Raises:
            ComponentError: the query is empty, or the search fails.

        """
        from headrace.schema.table import dataframe

        query = str(self.query or "").strip()
        if not query:
            raise ComponentError("The search query is empty. Enter a text, or the URL of a feed in RSS mode.")
        fetcher = PageFetcher(self.context.egress, float(self.timeout or 5), _HEADERS)
        if self.search_mode == "RSS":
            return dataframe(await parse_feed(self.context.parser, await self._fetch_page(fetcher, query)))
        if self.search_mode == "News":
            page = await self._fetch_page(fetcher, self._news_url(query))
            return dataframe((await parse_feed(self.context.parser, page))[:MAX_RESULTS])
        return dataframe(await self._search_web(fetcher, query))

    async def _fetch_page(self, fetcher: PageFetcher, url: str) -> Page:
        page = await fetcher.get(url)
        if page.status >= 400:
            raise ComponentError(f"{urlsplit(url).hostname} returned the status {page.status}.")
        return page

    def _news_url(self, query: str) -> str:
        base = (self.context.get_env(NEWS_VARIABLE) or NEWS_URL).rstrip("/")
        edition = {n: v for n in ("hl", "gl", "ceid") if (v := str(getattr(self, n) or ""))}
        if self.topic:
            return f"{base}/headlines/section/topic/{quote(str(self.topic).upper(), safe='')}?{urlencode(edition)}"
        if self.location:
            return f"{base}/headlines/section/geo/{quote(str(self.location), safe='')}?{urlencode(edition)}"
        return f"{base}/search?{urlencode({'q': query, **edition})}"

    async def _search_web(self, fetcher: PageFetcher, query: str) -> list[dict[str, str]]:
        """Return the results of the search engine, each with the text of its page."""
        base = self.context.get_env(WEB_VARIABLE) or WEB_URL
        page = await self._fetch_page(fetcher, f"{base}?{urlencode({'q': query})}")
        parser = self.context.parser
        results = (await parser.call("list_search_results", page.body, encoding=page.encoding)).value[:MAX_RESULTS]
        rows = [{**row, "link": _target(page.url, row["link"])} for row in results]
        contents = await asyncio.gather(*(_read_text(parser, fetcher, row["link"]) for row in rows))
        return [{**row, "content": content} for row, content in zip(rows, contents, strict=True)]


def _target(base: str, link: str) -> str:
    """Return the URL of a result, which the search engine's link holds as the parameter `uddg`."""
    url = urljoin(base, link)
    return parse_qs(urlsplit(url).query).get("uddg", [url])[0]


async def _read_text(parser: Parser, fetcher: PageFetcher, url: str) -> str:
    try:
        return (await read_content(parser, await fetcher.get(url))).text
    except HeadraceError as error:
        return f"(page not read: {error.message})"
