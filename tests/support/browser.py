"""Chromium without a window, driven by Playwright."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.missing_tool import skip

REQUIRED = os.environ.get("HEADRACE_TEST_REQUIRE_CHROMIUM") == "1"
_NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextlib.contextmanager
def chromium(*options: str) -> Iterator[Browser]:
    """Start the Chromium that is installed on this machine, with command line options. Without one, skip the test."""
    path = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if path is None:
        skip(f"Chromium is not installed: none of {', '.join(_NAMES)} is on the PATH", required=REQUIRED)
    with sync_playwright() as playwright:
        # Chromium's sandbox does not start as root, and the pages come from the tests.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *options])
        try:
            yield browser
        finally:
            browser.close()


class Tab:
    """A page of a browser profile of its own, with everything that it requested and reported."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.requested: list[str] = []
        #: Exceptions of scripts, and violations of the content security policy.
        self.faults: list[str] = []
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda message: self._collect(message.type, message.text))

    def _collect(self, kind: str, text: str) -> None:
        if kind == "error" and "Failed to load resource" not in text:
            self.faults.append(text)


@contextlib.contextmanager
def open_tab(
    browser: Browser, address: str, *, width: int = 1100, height: int = 720, dark: bool = False
) -> Iterator[Tab]:
    """Open a tab without cookies, whose page has the server's address as its base URL."""
    context = browser.new_context(
        base_url=address,
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        locale="en-GB",
    )
    try:
        yield Tab(context)
    finally:
        context.close()
