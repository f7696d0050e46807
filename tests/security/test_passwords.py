"""A stolen API key or token is not enough to change a password."""

from __future__ import annotations

import uuid

import httpx2
import pytest

from tests.conftest import PASSWORD
from tests.security.shared_settings import AUTO_LOGIN
from tests.support.clients import log_in
from tests.support.probe import AttackedServer

#: The superuser has a password too.
pytestmark = pytest.mark.server(**AUTO_LOGIN)


@pytest.fixture
def base(server: AttackedServer) -> str:
    return server.base_url


@pytest.fixture
def admin(single_user: httpx2.Client) -> httpx2.Client:
    """Return a client of the superuser who logged in without a password, as someone with a stolen token has."""
    return single_user


def create_user(admin: httpx2.Client) -> tuple[str, str]:
    name = f"ada-{uuid.uuid4()}"
    created = admin.post("/api/v1/users/", json={"username": name, "password": PASSWORD})
    return created.json()["id"], name


def can_log_in(base: str, name: str, password: str) -> bool:
    return httpx2.post(f"{base}/api/v1/login", data={"username": name, "password": password}).status_code == 200


def test_a_key_changes_no_password(base: str, admin: httpx2.Client) -> None:
    user_id, name = create_user(admin)
    with httpx2.Client(base_url=base, headers=log_in(base, name)) as user:
        own = {"x-api-key": user.post("/api/v1/api_key/", json={}).json()["api_key"]}
    superusers = {"x-api-key": admin.post("/api/v1/api_key/", json={}).json()["api_key"]}
    body = {"password": "stolen", "current_password": PASSWORD}
    for path, headers in ((f"{user_id}/reset-password", own), (user_id, superusers)):
        response = httpx2.patch(f"{base}/api/v1/users/{path}", json=body, headers=headers)
        assert (response.status_code, "API key" in response.text) == (403, True)
    assert can_log_in(base, name, PASSWORD)
    assert admin.patch(f"/api/v1/users/{user_id}", json={"password": "by an administrator"}).status_code == 200
    assert can_log_in(base, name, "by an administrator")


@pytest.mark.parametrize("path", ["/reset-password", ""])
def test_a_session_without_a_recent_password_login_needs_the_current_password(
    base: str, admin: httpx2.Client, path: str
) -> None:
    address = f"/api/v1/users/{admin.get('/api/v1/users/whoami').json()['id']}{path}"
    for body in ({}, {"current_password": "wrong"}):
        response = admin.patch(address, json={"password": "stolen", **body})
        assert (response.status_code, "current password" in response.json()["detail"]) == (400, True)
    # The new password must not tell whether it is the current one either.
    assert "missing" in admin.patch(address, json={"password": PASSWORD}).json()["detail"]
    assert can_log_in(base, "admin", PASSWORD)
    assert admin.patch(address, json={"password": "new one", "current_password": PASSWORD}).status_code == 200
    assert can_log_in(base, "admin", "new one")
    back = {"password": PASSWORD, "current_password": "new one"}
    assert admin.patch(address, json=back).status_code == 200


def test_right_after_a_login_the_new_password_is_enough(base: str, admin: httpx2.Client) -> None:
    user_id, name = create_user(admin)
    response = httpx2.patch(
        f"{base}/api/v1/users/{user_id}/reset-password", json={"password": "new one"}, headers=log_in(base, name)
    )
    assert response.status_code == 200
    assert can_log_in(base, name, "new one")


def test_guesses_of_the_current_password_are_limited(base: str, admin: httpx2.Client) -> None:
    user_id, name = create_user(admin)
    with httpx2.Client(base_url=base, headers=log_in(base, name)) as user:
        address = f"/api/v1/users/{user_id}/reset-password"
        guesses = [user.patch(address, json={"password": "x", "current_password": f"{n}"}) for n in range(8)]
    assert guesses[0].status_code == 400
    assert guesses[-1].status_code == 429
