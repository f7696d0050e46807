"""The pages of the API documentation load nothing from another host, and the OpenAPI document is generated once."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import psutil
import pytest

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.probe import AttackedServer

#: Requests for the document.
REQUESTS = 200


@pytest.mark.parametrize("page", ["docs", "redoc"])
def test_a_page_and_its_assets_come_from_the_server(server: AttackedServer, page: str) -> None:
    with server.client() as browser:
        response = browser.get(f"/{page}")
        assert response.status_code == 200
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "//" not in policy
        links = re.findall(r'(?:src|href)="([^"]+)"', response.text)
        files = [link for link in links if not link.startswith("data:")]
        assert files
        assert not re.search(r"<script(?![^>]*\bsrc=)", response.text)
        for file in files:
            assert not file.startswith(("http", "/"))
            asset = browser.get(f"/{file}")
            assert asset.status_code == 200, file
            assert asset.headers["x-content-type-options"] == "nosniff"
            assert "javascript" in asset.headers["content-type"] or "css" in asset.headers["content-type"]


def test_only_the_assets_are_served(server: AttackedServer) -> None:
    with server.client() as anonymous:
        for name in ("unknown.js", "..%2f..%2fpyproject.toml", "%2fetc%2fpasswd", "swagger-ui.css%00"):
            assert anonymous.get(f"/docs/assets/{name}").status_code in {403, 404}, name


def processor_seconds(server: AttackedServer) -> float:
    """Return the processor time that the processes of a server have used, in seconds."""
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in server.pids)


def test_the_openapi_document_is_generated_once(server: AttackedServer, tmp_path: Path) -> None:
    started = time.process_time()
    create_app(settings_for(tmp_path)).openapi()
    cost = time.process_time() - started
    before = processor_seconds(server)
    with server.observe() as observation, server.client() as anonymous, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: anonymous.get("/openapi.json"), range(REQUESTS)))
    assert len({answer.content for answer in answers}) == 1
    observation.assert_available()
    # Each process generates it at most once, and the answers cost little.
    assert processor_seconds(server) - before < REQUESTS / 5 * cost
    unchanged = httpx2.get(f"{server.base_url}/openapi.json", headers={"if-none-match": answers[0].headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
