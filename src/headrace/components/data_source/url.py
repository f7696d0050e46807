"""URL: pages of the web as texts."""

from __future__ import annotations

import asyncio
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
from headrace.schema import Message
from headrace.web_pages import Fetching, Page, WebError, crawl, facts_in, words_in, words_of

if TYPE_CHECKING:
    from headrace.errors import HeadraceError
    from headrace.schema.dataframe import DataFrame


class URLComponent(Component):
    """Reads pages, and those that they link to."""

    display_name = "URL"
    description = "Reads pages of the web, and those that they link to."
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
            info="The pages' addresses.",
        ),
        SliderInput(
            name="max_depth",
            display_name="Depth",
            value=1,
            range_spec=RangeSpec(min=1, max=5, step=1),
            info="1 reads these pages alone, 2 those that they link to, too.",
        ),
        BoolInput(
            name="prevent_outside",
            display_name="Prevent Outside",
            value=True,
            advanced=True,
            info="Follow links to the same host alone.",
        ),
        BoolInput(name="use_async", display_name="Use Async", value=True, advanced=True, info="Kept for older flows."),
        DropdownInput(
            name="format",
            display_name="Output Format",
            options=["Text", "HTML"],
            value="Text",
            advanced=True,
            info="The words alone, or with their markup.",
        ),
        IntInput(name="timeout", display_name="Timeout", value=30, advanced=True, info="Seconds for a page."),
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
            info="What is sent with each request.",
        ),
        BoolInput(
            name="filter_text_html",
            display_name="Filter Text/HTML",
            value=True,
            advanced=True,
            info="Leave out what is no text: pictures, archives.",
        ),
        BoolInput(
            name="continue_on_failure",
            display_name="Continue on Failure",
            value=True,
            advanced=True,
            info="Leave out pages that cannot be read, unless none can.",
        ),
        BoolInput(
            name="check_response_status",
            display_name="Check Response Status",
            advanced=True,
            info="Take a status of 400 and above for a failure.",
        ),
        BoolInput(
            name="autoset_encoding",
            display_name="Autoset Encoding",
            value=True,
            advanced=True,
            info="Read pages in the encoding that they name; else as UTF-8.",
        ),
    ]
    outputs = [
        Output(name="page_results", display_name="Extracted Pages", method="fetch_content"),
        Output(name="raw_results", display_name="Raw Content", method="fetch_content_as_message", tool_mode=False),
    ]

    _read: list[Page] | None = None

    async def fetch_content(self) -> DataFrame:
        """Return a row for each page: its text, address, title, description, kind and language.

        Raises:
            ComponentError: no address is named, or no page can be read.

        """
        from headrace.schema.table import dataframe

        pages = await self._pages()
        # To read a large page takes a while, and others are not to wait for it.
        return dataframe(await asyncio.gather(*(asyncio.to_thread(self._row, page) for page in pages)))

    async def fetch_content_as_message(self) -> Message:
        """Return the texts of all pages, one after the other.

        Raises:
            ComponentError: no address is named, or no page can be read.

        """
        pages = await self._pages()
        return Message(text="\n\n".join(await asyncio.gather(*(asyncio.to_thread(self._shown, p) for p in pages))))

    def _row(self, page: Page) -> dict[str, str]:
        row = {"text": page.text, "url": page.url, "content_type": page.content_type}
        if not page.is_html:
            return {**row, "title": "", "description": "", "language": ""}
        soup = page.soup()
        facts = facts_in(soup)
        return {**row, **facts} if self.format == "HTML" else {**row, "text": words_in(soup), **facts}

    def _shown(self, page: Page) -> str:
        return page.text if self.format == "HTML" else words_of(page)

    async def _pages(self) -> list[Page]:
        if self._read is None:
            self._read = await self._fetched()
        return self._read

    async def _fetched(self) -> list[Page]:
        urls = [_whole(str(url).strip()) for url in self.urls if str(url).strip()]
        if not urls:
            raise ComponentError("No URL is given.")
        headers = {str(r["key"]): str(r["value"]) for r in self.headers or [] if r.get("key") and r.get("value")}
        fetching = Fetching(
            self.context.egress, float(self.timeout or 30), headers, in_named_encoding=bool(self.autoset_encoding)
        )
        failures: list[str] = []

        async def get(url: str) -> Page:
            page = await fetching.get(url)
            if self.check_response_status and page.status >= 400:
                raise WebError(f"{url} answers with the status {page.status}.")
            return page

        def failed(url: str, error: HeadraceError) -> None:
            if not self.continue_on_failure:
                raise error
            failures.append(error.message)
            self.log(error.message, f"Failed: {url}")

        pages = await crawl(
            urls, depth=int(self.max_depth or 1), outside=not self.prevent_outside, get=get, failed=failed
        )
        if self.filter_text_html:
            pages = [p for p in pages if p.is_html or p.content_type.startswith("text/")]
        if not pages:
            raise ComponentError(failures[0] if failures else "None of these addresses holds a text.")
        return pages


def _whole(url: str) -> str:
    return url if "://" in url else f"https://{url}"
