"""Every route, mount and WebSocket needs credentials, unless it is public."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI, WebSocket
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from headrace.api.authentication import PUBLIC_PATHS, PublicPaths
from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.clients import log_in
from tests.support.server import serving

ALLOWED_ORIGIN = "https://editor.example"


async def mounted_app(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(Request(scope).state.user.username)(scope, receive, send)


async def echo_username(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(websocket.state.user.username)
    await websocket.close()


def app_with_mount_and_socket(folder: Path) -> FastAPI:
    app = create_app(settings_for(folder, cors_origins=[ALLOWED_ORIGIN]))
    app.mount("/mounted", mounted_app)
    app.add_api_websocket_route("/api/v1/socket", echo_username)
    # A socket at the address of a public HTTP route is not public.
    app.add_api_websocket_route("/api/v1/version", echo_username)
    return app


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(app_with_mount_and_socket(tmp_path_factory.mktemp("authentication"))) as address:
        yield address


@pytest.fixture(scope="module")
def bearer(base: str) -> dict[str, str]:
    return log_in(base)


@pytest.fixture(scope="module")
def api_key(base: str, bearer: dict[str, str]) -> str:
    created = httpx2.post(f"{base}/api/v1/api_key/", json={"name": "socket"}, headers=bearer)
    return str(created.json()["api_key"])


def read_socket(base: str, path: str = "/api/v1/socket", **headers: str) -> str:
    with connect(f"{base.replace('http', 'ws', 1)}{path}", additional_headers=headers) as socket:
        return str(socket.recv(timeout=10))


def denied_status(base: str, path: str = "/api/v1/socket", **headers: str) -> int:
    with pytest.raises(InvalidStatus) as denial:
        read_socket(base, path, **headers)
    return denial.value.response.status_code


def test_a_mounted_app_denies_without_credentials_and_admits_with_them(base: str, bearer: dict[str, str]) -> None:
    for path in ("/mounted/", "/mounted/below"):
        denied = httpx2.get(f"{base}{path}")
        assert (denied.status_code, denied.json()) == (403, {"detail": "An API key must be passed as query or header"})
    admitted = httpx2.get(f"{base}/mounted/", headers=bearer)
    assert (admitted.status_code, admitted.text) == (200, "admin")


def test_a_websocket_denies_without_credentials_and_admits_with_them(
    base: str, bearer: dict[str, str], api_key: str
) -> None:
    assert denied_status(base) == 403
    assert denied_status(base, "/api/v1/version") == 403
    assert denied_status(base, "/api/v1/no-such-socket") == 403
    assert denied_status(base, **{"x-api-key": "sk-unknown"}) == 403
    assert read_socket(base, **bearer) == "admin"
    assert read_socket(base, **{"x-api-key": api_key}) == "admin"
    assert read_socket(base, authorization=f"Bearer {api_key}") == "admin"
    assert read_socket(base, f"/api/v1/socket?x-api-key={api_key}") == "admin"


def test_a_cookie_opens_a_websocket_only_from_the_same_or_an_allowed_origin(base: str, bearer: dict[str, str]) -> None:
    cookie = f"access_token_lf={bearer['authorization'].removeprefix('Bearer ')}"
    assert read_socket(base, cookie=cookie, origin=base) == "admin"
    assert read_socket(base, cookie=cookie, origin=ALLOWED_ORIGIN) == "admin"
    assert denied_status(base, cookie=cookie, origin="https://elsewhere.example") == 403
    assert denied_status(base, cookie=cookie, origin=base.replace("http:", "https:")) == 403
    assert denied_status(base, cookie=cookie, **{"sec-fetch-site": "cross-site"}) == 403


def test_a_page_of_another_site_opens_no_websocket_with_any_credentials(
    base: str, bearer: dict[str, str], api_key: str
) -> None:
    for origin in ("https://elsewhere.example", base.replace("http:", "https:"), "null"):
        assert denied_status(base, **bearer, origin=origin) == 403
        assert denied_status(base, f"/api/v1/socket?x-api-key={api_key}", origin=origin) == 403
    for origin in (base, ALLOWED_ORIGIN):
        assert read_socket(base, **bearer, origin=origin) == "admin"


def test_a_denial_comes_before_the_body_is_read_and_carries_cors_headers(base: str) -> None:
    answer = httpx2.post(f"{base}/api/v1/run/any", content=b"{not json", headers={"origin": ALLOWED_ORIGIN})
    assert answer.status_code == 403
    assert answer.headers["access-control-allow-origin"] == ALLOWED_ORIGIN
    preflight = httpx2.options(
        f"{base}/api/v1/run/any", headers={"origin": ALLOWED_ORIGIN, "access-control-request-method": "POST"}
    )
    assert preflight.status_code == 200


def test_a_cookie_changes_nothing_from_the_page_of_another_site(base: str, bearer: dict[str, str]) -> None:
    cookies = {"access_token_lf": bearer["authorization"].removeprefix("Bearer ")}
    url = f"{base}/api/v1/flows/"
    elsewhere = {"origin": "https://elsewhere.example"}
    with httpx2.Client(cookies=cookies) as browser:
        assert browser.get(url, headers=elsewhere).status_code == 200
        assert browser.post(url, json={"name": "x"}, headers=elsewhere).status_code == 403
        assert browser.post(url, json={"name": "x"}, headers={"origin": base}).status_code == 201


def test_an_unknown_path_is_not_found_without_credentials(base: str) -> None:
    assert httpx2.get(f"{base}/api/v1/no-such-path").status_code == 404


def test_no_protected_route_has_an_address_on_the_public_list(tmp_path: Path) -> None:
    public = PublicPaths(PUBLIC_PATHS)
    paths = set(create_app(settings_for(tmp_path)).openapi()["paths"])
    assert {path for path in paths - PUBLIC_PATHS if path.replace("{", "").replace("}", "") in public} == set()
    assert all(path.replace("{", "").replace("}", "") in public for path in PUBLIC_PATHS)
    for path in ("/health/", "/api/v1/login/x", "/api/v1/webhook/a/b", "/api/v1/flows/public_flow/", "/openapi.json\n"):
        assert path not in public, path
