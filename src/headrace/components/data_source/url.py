"""URL: reads web pages."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from headrace.component import (
    BoolInput,
    Component,
    DropdownInput,
    IntInput,
    MessageTextInput,
    Output,
    RangeSpec,
    SliderInput,
    TableInput,
)
from headrace.component.component import ComponentError
from headrace.errors import HeadraceError
from headrace.limits.byte_budget import current_budget
from headrace.net.crawler import Page, PageContent, PageFetcher, WebError, crawl, list_links, read_content
from headrace.net.urls import displayed_url
from headrace.schema import Message
from headrace.schema.text_size import join_texts

if TYPE_CHECKING:
    from headrace.schema.dataframe import DataFrame


class URLComponent(Component):
    """Read web pages and, up to a depth, the pages that they link to."""

    display_name = "URL"
    description = "Reads web pages and, optionally, the pages that they link to."
    icon = "layout-template"
    inputs = [
        MessageTextInput(
            name="urls",
            display_name="URLs",
            is_list=True,
            tool_mode=True,
            input_types=[],
            list_add_label="Add URL",
            placeholder="Enter a URL...",
            info="Addresses of the pages to read.",
        ),
        SliderInput(
            name="max_depth",
            display_name="Depth",
            value=1,
            range_spec=RangeSpec(min=1, max=5, step=1),
            info="How many levels of links to follow. 1 reads only these pages, 2 also the pages that they link to.",
        ),
        BoolInput(
            name="prevent_outside",
            display_name="Prevent Outside",
            value=True,
            advanced=True,
            info="Follow only links to the same host.",
        ),
        BoolInput(
            name="use_async",
            display_name="Use Async",
            value=True,
            advanced=True,
            info="Has no effect. Pages are always read concurrently.",
        ),
        DropdownInput(
            name="format",
            display_name="Output Format",
            options=["Text", "HTML"],
            value="Text",
            advanced=True,
            info="Text without markup, or the HTML source.",
        ),
        IntInput(
            name="timeout",
            display_name="Timeout",
            value=30,
            advanced=True,
            info="Time limit for each page, in seconds.",
        ),
        TableInput(
            name="headers",
            display_name="Headers",
            input_types=["DataFrame"],
            advanced=True,
            table_schema=[
                {"name": "key", "display_name": "Header", "type": "str"},
                {"name": "value", "display_name": "Value", "type": "str"},
            ],
            value=[{"key": "User-Agent", "value": None}],
            info="HTTP headers to send with each request.",
        ),
        BoolInput(
            name="filter_text_html",
            display_name="Filter Text/HTML",
            value=True,
            advanced=True,
            info="Skip responses that are not text or HTML, such as images and archives.",
        ),
        BoolInput(
            name="continue_on_failure",
            display_name="Continue on Failure",
            value=True,
            advanced=True,
            info="Skip pages that cannot be read. The component fails only if no page can be read.",
        ),
        BoolInput(
            name="check_response_status",
            display_name="Check Response Status",
            advanced=True,
            info="Treat responses with a status of 400 or higher as failures.",
        ),
        BoolInput(
            name="autoset_encoding",
            display_name="Autoset Encoding",
            value=True,
            advanced=True,
            info="Use the encoding that the response or the page declares. Off for UTF-8.",
        ),
    ]
    outputs = [
        Output(name="page_results", display_name="Extracted Pages", method="fetch_content"),
        Output(name="raw_results", display_name="Raw Content", method="fetch_content_as_message", tool_mode=False),
    ]

    _pages: list[Page] | None = None

    async def fetch_content(self) -> DataFrame:
        """Return a table with a row for each page: text, URL, content type, title, description and language.

        Raises:
            ComponentError: no URL is set, or no page can be read.

        """
        from headrace.schema.table import dataframe

        return dataframe(
            {
                "text": page.text if self.format == "HTML" else content.text,
                "url": page.url,
                "content_type": page.content_type,
                "title": content.title,
                "description": content.description,
                "language": content.language,
            }
            for page, content in await self._read_pages(await self._load_pages())
        )

    async def fetch_content_as_message(self) -> Message:
        """Return the content of all pages as one message, separated by blank lines.

        Raises:
            ComponentError: no URL is set, or no page can be read.

        """
        pages = await self._load_pages()
        if self.format == "HTML":
            return Message(text=join_texts((page.text for page in pages), "\n\n"))
        return Message(text=join_texts((content.text for _, content in await self._read_pages(pages)), "\n\n"))

    async def _read_pages(self, pages: list[Page]) -> list[tuple[Page, PageContent]]:
        """Return the content of pages, without those that cannot be parsed.

        Raises:
            HeadraceError: a page cannot be parsed, and it is the only one or failures are not skipped.

        """
        failures: list[HeadraceError] = []

        async def read(page: Page) -> tuple[Page, PageContent] | None:
            try:
                return page, await read_content(self.context.parser, page)
            except HeadraceError as error:
                failures.append(error)
                self.log(error.message, f"Failed: {page.url}")
                return None

        contents = [result for result in await asyncio.gather(*map(read, pages)) if result is not None]
        if failures and not (contents and self.continue_on_failure):
            raise failures[0]
        return contents

    async def _load_pages(self) -> list[Page]:
        if self._pages is None:
            self._pages = await self._fetch_pages()
        return self._pages

    async def _fetch_pages(self) -> list[Page]:
        urls = [_with_scheme(str(url).strip()) for url in self.urls if str(url).strip()]
        if not urls:
            raise ComponentError("The URL component has no URL. Enter at least one under URLs.")
        headers = {str(r["key"]): str(r["value"]) for r in self.headers or [] if r.get("key") and r.get("value")}
        fetcher = PageFetcher(
            self.context.egress,
            float(self.output_timeout or 30),
            headers,
            in_named_encoding=bool(self.autoset_encoding),
        )
        failures: list[str] = []

        async def get(url: str) -> Page:
            page = await fetcher.get(url)
            if self.check_response_status and page.status >= 400:
                raise WebError(f"{displayed_url(url)} returned the status {page.status}.")
            growth.add(len(page.body))
            return page

        def handle_failure(url: str, error: HeadraceError) -> None:
            if not self.continue_on_failure:
                raise error
            failures.append(error.message)
            self.log(error.message, f"Failed: {displayed_url(url)}")

        with current_budget.get().grow("The content of the pages") as growth:
            pages = await crawl(
                urls,
                depth=int(self.max_depth or 1),
                get=get,
                links_of=partial(list_links, self.context.parser, follow_external=not self.prevent_outside),
                failed=handle_failure,
            )
        if self.filter_text_html:
            pages = [p for p in pages if p.is_html or p.content_type.startswith("text/")]
        if not pages:
            raise ComponentError(
                failures[0]
                if failures
                else "None of the URLs returned text. Check the URLs, or turn off Filter Text/HTML."
            )
        return pages


def _with_scheme(url: str) -> str:
    return url if "://" in url else f"https://{url}"
