"""The tokens of a user end with a new password, a logout and a deactivation, in every process; refresh tokens rotate."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx2
import jwt
import pytest

from tests.conftest import PASSWORD
from tests.security.shared_settings import AUTO_LOGIN
from tests.support.clients import log_in
from tests.support.probe import AttackedServer
from tests.support.waiting import until


class Account:
    """A new user of the server."""

    def __init__(self, server: AttackedServer) -> None:
        self.base = server.base_url
        self.name = f"ada-{uuid.uuid4()}"
        self.admin = server.client(server.admin)
        created = self.admin.post("/api/v1/users/", json={"username": self.name, "password": PASSWORD})
        self.id = created.json()["id"]

    def log_in(self, password: str = PASSWORD) -> httpx2.Client:
        """Return a browser with the cookies of a new login."""
        client = httpx2.Client(base_url=self.base, timeout=30)
        response = client.post("/api/v1/login", data={"username": self.name, "password": password})
        assert response.status_code == 200, response.text
        return client


@pytest.fixture
def account(server: AttackedServer) -> Account:
    return Account(server)


def status(client: httpx2.Client) -> int:
    return client.get("/api/v1/users/whoami").status_code


def assert_ended(client: httpx2.Client) -> None:
    """Check that every process soon rejects the tokens of a browser."""
    until(lambda: all(status(client) == 401 for _ in range(12)), seconds=5)
    assert client.post("/api/v1/refresh").status_code == 401


def warmed_up(client: httpx2.Client) -> httpx2.Client:
    """Return a browser whose session every process has in its cache."""
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: status(client), range(24))) == {200}
    return client


def test_a_logout_ends_the_tokens_of_all_browsers(account: Account) -> None:
    first, second = warmed_up(account.log_in()), warmed_up(account.log_in())
    tokens = dict(first.cookies)
    assert first.post("/api/v1/logout").json() == {"message": "Logout successful"}
    stolen = httpx2.Client(base_url=account.base, cookies=tokens, timeout=30)
    assert_ended(stolen)
    assert_ended(second)
    assert status(account.log_in()) == 200


def test_a_logout_with_only_a_refresh_cookie_ends_the_tokens(account: Account) -> None:
    client, other = account.log_in(), account.log_in()
    del client.cookies["access_token_lf"]
    client.post("/api/v1/logout")
    assert_ended(other)


def test_a_page_of_another_site_cannot_log_a_user_out(account: Account) -> None:
    client = account.log_in()
    assert client.post("/api/v1/logout", headers={"origin": "https://elsewhere.example"}).status_code == 403
    assert status(client) == 200


def test_a_new_password_ends_all_other_sessions(account: Account) -> None:
    first, second = account.log_in(), warmed_up(account.log_in())
    change = {"password": "lovelace2", "current_password": PASSWORD}
    assert first.patch(f"/api/v1/users/{account.id}/reset-password", json=change).status_code == 200
    assert_ended(second)
    until(lambda: all(status(first) == 200 for _ in range(12)))
    assert first.post("/api/v1/refresh").status_code == 200
    assert account.admin.patch(f"/api/v1/users/{account.id}", json={"password": "by the admin"}).status_code == 200
    assert_ended(first)


def test_a_deactivation_ends_tokens_for_good(account: Account) -> None:
    client = warmed_up(account.log_in())
    account.admin.patch(f"/api/v1/users/{account.id}", json={"is_active": False})
    assert_ended(client)
    account.admin.patch(f"/api/v1/users/{account.id}", json={"is_active": True})
    assert status(account.log_in()) == 200
    assert_ended(client)


def test_a_refresh_token_that_is_used_again_ends_its_session_only(account: Account) -> None:
    victim, other = account.log_in(), account.log_in()
    first = victim.cookies["refresh_token_lf"]
    for _ in range(2):
        assert victim.post("/api/v1/refresh").status_code == 200
    thief = httpx2.Client(base_url=account.base, cookies={"refresh_token_lf": first}, timeout=30)
    assert thief.post("/api/v1/refresh").status_code == 401
    assert_ended(victim)
    assert status(other) == 200


def test_tabs_that_refresh_at_the_same_time_stay_logged_in(account: Account) -> None:
    client = account.log_in()
    cookies = {"refresh_token_lf": client.cookies["refresh_token_lf"]}
    with ThreadPoolExecutor(8) as pool:
        responses = list(
            pool.map(lambda _: httpx2.post(f"{account.base}/api/v1/refresh", cookies=cookies, timeout=30), range(8))
        )
    assert {r.status_code for r in responses} == {200}
    for response in responses:
        headers = {"authorization": f"Bearer {response.json()['access_token']}"}
        assert httpx2.get(f"{account.base}/api/v1/users/whoami", headers=headers).status_code == 200
    newest = {"refresh_token_lf": responses[0].json()["refresh_token"]}
    assert httpx2.post(f"{account.base}/api/v1/refresh", cookies=newest, timeout=30).status_code == 200


def test_the_secret_key_itself_signs_no_tokens(server: AttackedServer, account: Account) -> None:
    secret_key = (server.folder / "secret_key").read_text().strip()
    claims = jwt.decode(account.log_in().cookies["access_token_lf"], options={"verify_signature": False})
    forged = jwt.encode({**claims, "exp": datetime.now(UTC) + timedelta(hours=1)}, secret_key, algorithm="HS256")
    response = httpx2.get(f"{account.base}/api/v1/users/whoami", headers={"authorization": f"Bearer {forged}"})
    assert response.status_code == 401


@pytest.mark.server(**AUTO_LOGIN)
def test_with_auto_login_a_tab_gets_a_new_token_after_a_logout(server: AttackedServer) -> None:
    with server.client() as first, server.client() as second:
        for client in (first, second):
            assert client.get("/api/v1/auto_login").status_code == 200
            assert status(client) == 200
        first.post("/api/v1/logout")
        until(lambda: status(second) == 401)
        for client in (first, second):
            assert client.get("/api/v1/auto_login").status_code == 200
            until(lambda: status(client) == 200)  # noqa: B023 - done within this round
    # The logout has ended the session of the superuser in the other tests with this server, too.
    server.admin.update(log_in(server.base_url))
