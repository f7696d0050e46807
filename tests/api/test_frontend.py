"""The built frontend, served at / next to the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from headrace.app import create_app
from headrace.settings import SettingsError
from tests.conftest import settings_for
from tests.support.server import serving

PAGE = "<!doctype html><title>front end</title>" + "x" * 2000


@pytest.fixture
def frontend_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "front"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "favicon.ico").write_bytes(b"icon")
    (folder / "assets" / "index-B3kD9x2a.js").write_text("console.log('x');" * 200)
    (tmp_path / "secret.txt").write_text("not served")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.fixture
def browser(frontend_folder: Path, tmp_path: Path) -> Iterator[httpx2.Client]:
    with (
        serving(create_app(settings_for(tmp_path / "config", frontend_path=frontend_folder))) as base,
        httpx2.Client(base_url=base, headers={"accept": "text/html,*/*;q=0.8"}) as client,
    ):
        yield client


def test_the_index_page_is_returned_for_frontend_paths(browser: httpx2.Client) -> None:
    for path in ("/", "/flow/123", "/settings/api-keys", "/login?next=/"):
        response = browser.get(path)
        assert (response.status_code, response.text) == (200, PAGE), path
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["content-encoding"] == "gzip"


def test_hashed_files_are_immutable_and_others_are_revalidated(browser: httpx2.Client) -> None:
    script = browser.get("/assets/index-B3kD9x2a.js")
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-encoding"] == "gzip"
    icon = browser.get("/favicon.ico")
    assert (icon.content, icon.headers["cache-control"]) == (b"icon", "no-cache")
    revalidated = browser.get("/favicon.ico", headers={"if-none-match": icon.headers["etag"]})
    assert revalidated.status_code == 304


def test_api_paths_never_return_the_index_page(browser: httpx2.Client) -> None:
    for path in ("/api/v1/no-such-path", "/api", "/api/v3/x", "/health/x"):
        response = browser.get(path)
        assert (response.status_code, response.json()) == (404, {"detail": "Not Found"}), path
    assert browser.get("/api/v1/flows/").status_code == 403
    assert browser.get("/health").json() == {"status": "ok"}


def test_missing_assets_and_files_outside_the_folder_are_not_served(browser: httpx2.Client) -> None:
    assert browser.get("/assets/gone-B3kD9x2a.js", headers={"accept": "*/*"}).status_code == 404
    for path in ("/..%2fsecret.txt", "/%2e%2e/secret.txt", "/assets/../../secret.txt", "/link.txt"):
        assert "not served" not in browser.get(path).text, path


def test_a_folder_without_an_index_page_is_rejected_and_the_frontend_can_be_disabled(
    frontend_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=r"index\.html"):
        create_app(settings_for(tmp_path, frontend_path=tmp_path / "none"))
    with serving(create_app(settings_for(tmp_path, frontend_path=frontend_folder, backend_only=True))) as base:
        assert httpx2.get(base).status_code == 404
