"""Headers of proxies count only if the operator has listed the proxy."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from tests.conftest import PASSWORD
from tests.security.shared_settings import BEHIND_PROXY
from tests.support.probe import AttackedServer
from tests.support.process import running


def post_with_cookie(server: AttackedServer, **headers: str) -> int:
    cookies = {"access_token_lf": server.attacker["authorization"].removeprefix("Bearer ")}
    with httpx2.Client(base_url=server.base_url, cookies=cookies) as browser:
        names = {k.replace("_", "-"): v for k, v in headers.items()}
        return browser.post("/api/v1/flows/", json={"name": "x"}, headers=names).status_code


def test_a_caller_cannot_choose_an_address(server: AttackedServer) -> None:
    # Not the address from which other tests log in.
    transport = httpx2.HTTPTransport(local_address="127.0.0.4")
    with httpx2.Client(base_url=server.base_url, transport=transport) as client:
        user = {"username": "bob", "password": PASSWORD}
        assert client.post("/api/v1/login", data=user).status_code == 200
        statuses = [
            client.post(
                "/api/v1/login",
                data={"username": "nobody", "password": "wrong"},
                headers={"x-forwarded-for": f"198.51.100.{i}", "forwarded": f"for=198.51.100.{i}"},
            ).status_code
            for i in range(12)
        ]
        assert 429 in statuses
        # A user who has logged in from this address before is not locked out.
        assert client.post("/api/v1/login", data=user).status_code == 200


def test_the_origin_includes_the_scheme(server: AttackedServer) -> None:
    direct = server.base_url
    assert post_with_cookie(server, origin=direct) == 201
    secure = direct.replace("http:", "https:")
    assert post_with_cookie(server, origin=secure) == 403
    # The header of an anonymous caller does not change the scheme.
    assert post_with_cookie(server, origin=secure, x_forwarded_proto="https") == 403
    # A browser compares schemes itself, and knows them even if a proxy is not listed.
    assert post_with_cookie(server, origin=secure, sec_fetch_site="same-origin") == 201
    assert post_with_cookie(server, origin="https://elsewhere.example", sec_fetch_site="same-origin") == 403


@pytest.mark.server(**BEHIND_PROXY)
def test_a_listed_proxy_states_the_scheme(server: AttackedServer) -> None:
    proxied = server.base_url
    secure = proxied.replace("http:", "https:")
    assert post_with_cookie(server, origin=secure, x_forwarded_proto="https") == 201
    assert post_with_cookie(server, origin=proxied, x_forwarded_proto="https") == 403


def test_a_proxy_that_is_not_an_address_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(AssertionError), running(tmp_path, HEADRACE_TRUSTED_PROXIES="*"):
        pass
