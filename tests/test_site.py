"""The documentation as a site: it builds without a warning, is complete, and has no dead link."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


class Links(HTMLParser):
    """The ids of a page, its links, and the files that it loads."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.targets: list[str] = []
        self.loaded: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.ids |= {name for name in (values.get("id"), values.get("name")) if name}
        if tag == "a":
            self.targets += filter(None, [values.get("href")])
        elif tag != "form" and values.get("rel") != "canonical":
            self.loaded += filter(None, [values.get("src"), values.get("href")])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site from a copy, so that `build/` is unchanged."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    shutil.copytree(DOCS, folder / "docs")
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={"NO_COLOR": "1"}, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "build" / "site"


def test_the_navigation_contains_every_page_once() -> None:
    listed = sorted(re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE))
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert listed == sorted(pages)


def test_no_link_of_the_site_is_dead(site: Path) -> None:
    pages = {page: Links(page) for page in site.rglob("*.html") if page.name != "404.html"}
    assert len(pages) > 20
    dead = []
    for page, links in pages.items():
        for target in links.targets:
            url = urlsplit(target)
            if url.scheme or url.netloc:
                continue
            file = (page.parent / unquote(url.path)).resolve() if url.path else page
            file = file / "index.html" if file.is_dir() else file
            is_dead = not file.exists() or (
                url.fragment and file in pages and unquote(url.fragment) not in pages[file].ids
            )
            dead += [f"{page.relative_to(site)}: {target}"] if is_dead else []
    assert dead == []


def test_the_site_loads_nothing_from_other_hosts(site: Path) -> None:
    loaded = {url for page in site.rglob("*.html") for url in Links(page).loaded}
    assert loaded
    assert [url for url in loaded if urlsplit(url).netloc] == []


def test_links_to_other_hosts_are_valid_urls() -> None:
    urls = [
        url
        for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
        for url in re.findall(r"\]\((https?:[^)\s]*)", page.read_text(encoding="utf-8"))
    ]
    assert [url for url in urls if not re.fullmatch(r"https?://[\w.-]+\.[a-z]{2,}(:\d+)?(/[^\s]*)?", url)] == []
