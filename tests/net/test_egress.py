"""The egress guard. The tests send nothing to the addresses that it rejects."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from headrace.net.egress import EgressError, EgressGuard
from tests.support.server import serving


def create_guard(*allowed: str, **options: Any) -> EgressGuard:
    return EgressGuard(enabled=True, allowed=allowed, **options)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://a.localhost/",
        "http://10.1.2.3/",
        "http://172.16.0.1/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1]/",
        "http://[fc00::1]/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://224.0.0.1/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "http:///nohost",
    ],
)
def test_private_addresses_in_every_spelling_are_rejected(url: str) -> None:
    with pytest.raises(EgressError):
        create_guard().check(url)


def test_public_and_allowed_addresses_pass() -> None:
    create_guard().check("https://1.1.1.1/")
    create_guard().check("https://api.example.com/v1")
    create_guard("10.0.0.0/8").check("http://10.1.2.3/")
    create_guard("localhost").check("http://localhost:11434/")
    create_guard(operator_urls=["http://127.0.0.1:7999/v1"]).check("http://127.0.0.1:7999/v1/models")
    with pytest.raises(EgressError):
        create_guard(operator_urls=["http://127.0.0.1:7999/v1"]).check("http://127.0.0.1:8000/")


def test_a_name_that_resolves_to_a_private_address_is_rejected_on_connection() -> None:
    class Rebinding(EgressGuard):
        async def addresses(self, host: str, port: int) -> list[str]:
            return await super().addresses("127.0.0.1" if host == "rebind.example" else host, port)

    async def fetch() -> None:
        await Rebinding(enabled=True, allowed=[]).client(5).get("http://rebind.example/")

    with pytest.raises(EgressError):
        asyncio.run(fetch())


def test_a_redirect_is_checked_again_and_an_allowed_one_followed() -> None:
    app = FastAPI()
    app.get("/away")(lambda: RedirectResponse("http://10.0.0.1/"))
    app.get("/home")(lambda: RedirectResponse("/there"))
    app.get("/there")(lambda: {"ok": True})

    async def fetch(url: str) -> httpx2.Response:
        egress = create_guard("127.0.0.1")
        try:
            return await egress.client(5).get(url)
        finally:
            await egress.close()

    with serving(app) as base:
        assert asyncio.run(fetch(f"{base}/home")).json() == {"ok": True}
        with pytest.raises(EgressError):
            asyncio.run(fetch(f"{base}/away"))
