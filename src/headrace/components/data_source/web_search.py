"""Web Search: what a search engine, the news or a feed has for a query."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlencode, urljoin, urlsplit

from headrace.component import Component, IntInput, MessageTextInput, Output, TabInput
from headrace.component.component import ComponentError
from headrace.errors import HeadraceError
from headrace.web_pages import Fetching, Page, entries_of_feed, words_of

if TYPE_CHECKING:
    from headrace.schema.dataframe import DataFrame

#: Where searches go, unless the operator's variables of these names lead elsewhere.
WEB_VARIABLE, WEB_URL = "HEADRACE_WEB_SEARCH_URL", "https://html.duckduckgo.com/html/"
NEWS_VARIABLE, NEWS_URL = "HEADRACE_NEWS_URL", "https://news.google.com/rss"
MOST = 10
_BROWSER = {"User-Agent": "Mozilla/5.0 (compatible; headrace)"}


class WebSearchComponent(Component):
    """Searches the web, the news, or reads a feed."""

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
            info="Where to look: Web, News, or RSS for a feed's address.",
        ),
        MessageTextInput(
            name="query",
            display_name="Search Query",
            required=True,
            tool_mode=True,
            info="What to look for; of a feed, its address.",
        ),
        MessageTextInput(name="hl", display_name="Language (hl)", input_types=[], advanced=True, info="Such as en-US."),
        MessageTextInput(name="gl", display_name="Country (gl)", input_types=[], advanced=True, info="Such as US."),
        MessageTextInput(
            name="ceid",
            display_name="Country:Language (ceid)",
            input_types=[],
            value="US:en",
            advanced=True,
            info="Of the news, such as US:en.",
        ),
        MessageTextInput(
            name="topic", display_name="Topic", input_types=[], advanced=True, info="Of the news, such as BUSINESS."
        ),
        MessageTextInput(
            name="location", display_name="Location (Geo)", input_types=[], advanced=True, info="A place in the news."
        ),
        IntInput(name="timeout", display_name="Timeout", value=5, advanced=True, info="Seconds for each address."),
    ]
    outputs = [Output(name="results", display_name="Results", method="perform_search")]

    async def perform_search(self) -> DataFrame:
        """Return a row for each result.

        Raises:
            ComponentError: there is nothing to look for, or the search cannot be made.

        """
        from headrace.schema.table import dataframe

        query = str(self.query or "").strip()
        if not query:
            raise ComponentError("There is nothing to search for.")
        fetching = Fetching(self.context.egress, float(self.timeout or 5), _BROWSER)
        if self.search_mode == "RSS":
            return dataframe(entries_of_feed(await self._answered(fetching, query)))
        if self.search_mode == "News":
            return dataframe(entries_of_feed(await self._answered(fetching, self._news_address(query)))[:MOST])
        return dataframe(await self._found(fetching, query))

    async def _answered(self, fetching: Fetching, url: str) -> Page:
        page = await fetching.get(url)
        if page.status >= 400:
            raise ComponentError(f"{urlsplit(url).hostname} answers with the status {page.status}.")
        return page

    def _news_address(self, query: str) -> str:
        base = (self.context.environment(NEWS_VARIABLE) or NEWS_URL).rstrip("/")
        where = {n: v for n in ("hl", "gl", "ceid") if (v := str(getattr(self, n) or ""))}
        if self.topic:
            return f"{base}/headlines/section/topic/{quote(str(self.topic).upper(), safe='')}?{urlencode(where)}"
        if self.location:
            return f"{base}/headlines/section/geo/{quote(str(self.location), safe='')}?{urlencode(where)}"
        return f"{base}/search?{urlencode({'q': query, **where})}"

    async def _found(self, fetching: Fetching, query: str) -> list[dict[str, str]]:
        """Return what the search engine lists, each with the words of its page."""
        base = self.context.environment(WEB_VARIABLE) or WEB_URL
        page = await self._answered(fetching, f"{base}?{urlencode({'q': query})}")
        rows: list[dict[str, str]] = []
        soup = await asyncio.to_thread(page.soup)
        for result in soup.select(".result")[:MOST]:
            link, snippet = result.select_one("a.result__a"), result.select_one(".result__snippet")
            if link is not None:
                told = snippet.get_text(" ", strip=True) if snippet else ""
                rows.append(
                    {
                        "title": link.get_text(" ", strip=True),
                        "link": _target(page.url, str(link["href"])),
                        "snippet": told,
                    }
                )
        contents = await asyncio.gather(*(_words(fetching, row["link"]) for row in rows))
        return [{**row, "content": words} for row, words in zip(rows, contents, strict=True)]


def _target(base: str, link: str) -> str:
    """Return where a result leads: the engine's links lead over itself."""
    url = urljoin(base, link)
    return parse_qs(urlsplit(url).query).get("uddg", [url])[0]


async def _words(fetching: Fetching, url: str) -> str:
    try:
        return await asyncio.to_thread(words_of, await fetching.get(url))
    except HeadraceError as error:
        return f"(not read: {error.message})"
