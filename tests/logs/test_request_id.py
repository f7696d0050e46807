"""Each request has an id in its response and in its log lines."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from headrace.app import create_app
from headrace.logs.request_id import RequestIdMiddleware, current_request_id
from tests.conftest import settings_for
from tests.support.server import serving


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(create_app(settings_for(tmp_path_factory.mktemp("request-id")))) as address:
        yield address


def test_a_response_returns_the_request_id_of_the_client(address: str) -> None:
    response = httpx2.get(f"{address}/health", headers={"x-request-id": "trace-1.a"})
    assert response.headers["x-request-id"] == "trace-1.a"


@pytest.mark.parametrize("invalid_id", ["", "two words", "x" * 129, 'a"b', "a\tb"])
def test_an_invalid_request_id_is_replaced(address: str, invalid_id: str) -> None:
    response = httpx2.get(f"{address}/health", headers={"x-request-id": invalid_id})
    assert response.headers["x-request-id"] != invalid_id
    assert len(response.headers["x-request-id"]) == 16


def test_requests_without_an_id_get_different_ones(address: str) -> None:
    ids = {httpx2.get(f"{address}/health").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


def test_a_rejected_request_has_an_id_too(address: str) -> None:
    response = httpx2.get(f"{address}/api/v1/flows/")
    assert response.status_code in {401, 403}
    assert response.headers["x-request-id"]


def test_an_unexpected_error_names_the_request_id_that_the_log_has(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(settings_for(tmp_path))

    @app.get("/health/broken")
    async def broken() -> None:
        logging.getLogger("headrace.tests").error("before: %s", current_request_id())
        raise RuntimeError("broken")

    app.dependency_overrides = {}
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)

    async def request() -> httpx2.Response:
        async with app.router.lifespan_context(app), httpx2.AsyncClient(transport=transport, base_url="http://t") as c:
            token = (await c.post("/api/v1/login", data={"username": "admin", "password": "correct horse"})).json()
            headers = {"authorization": f"Bearer {token['access_token']}", "x-request-id": "trace-2"}
            return await c.get("/health/broken", headers=headers)

    response = asyncio.run(request())
    assert response.status_code == 500
    assert response.headers["x-request-id"] == "trace-2"
    assert "trace-2" in response.json()["detail"]
    assert "before: trace-2" in caplog.text


def test_a_websocket_has_an_id_in_its_context() -> None:
    seen: list[str] = []

    async def app(_scope: object, _receive: object, _send: object) -> None:
        seen.append(current_request_id())

    scope = {"type": "websocket", "headers": [(b"x-request-id", b"socket-1")]}
    asyncio.run(RequestIdMiddleware(app)(scope, None, None))  # type: ignore[arg-type]  # the channels are not used
    assert seen == ["socket-1"]
