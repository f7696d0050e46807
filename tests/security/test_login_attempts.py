"""Logins are limited by account and address, also in parallel, and cannot occupy the server or lock a user out."""

from __future__ import annotations

import functools
import itertools
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.conftest import PASSWORD
from tests.security.shared_settings import BEHIND_PROXY, FAILED_LOGINS_PER_ACCOUNT, FAILED_LOGINS_PER_ADDRESS
from tests.support.probe import AttackedServer
from tests.support.waiting import until

pytestmark = pytest.mark.server(**BEHIND_PROXY)
_numbers = itertools.count()


@pytest.fixture
def account(server: AttackedServer) -> str:
    name = f"user-{uuid.uuid4()}"
    with server.client(server.admin) as admin:
        assert admin.post("/api/v1/users/", json={"username": name, "password": PASSWORD}).status_code == 201
    return name


def new_address() -> str:
    return f"198.51.{next(_numbers) % 250}.{next(_numbers) % 250}"


def log_in(server: AttackedServer, username: str, password: str, address: str) -> httpx2.Response:
    form = {"username": username, "password": password}
    return _client().post(f"{server.base_url}/api/v1/login", data=form, headers={"x-forwarded-for": address})


@functools.cache
def _client() -> httpx2.Client:
    # Each client loads certificates, which takes longer than an attempt.
    return httpx2.Client(timeout=120, limits=httpx2.Limits(max_connections=None))


def log_in_at_once(server: AttackedServer, attempts: list[tuple[str, str]]) -> Counter[int]:
    """Send wrong passwords for pairs of username and address, all in parallel, and count the statuses."""
    with ThreadPoolExecutor(len(attempts)) as pool:
        return Counter(pool.map(lambda attempt: log_in(server, attempt[0], "wrong", attempt[1]).status_code, attempts))


def test_parallel_guesses_at_one_account_count_before_they_are_checked(server: AttackedServer, account: str) -> None:
    address = new_address()
    count = 30 * server.processes
    statuses = log_in_at_once(server, [(account, address)] * count)
    # Each process counts. A slow machine lets a few more start, when the waits of 1, 2 and 4 seconds are over.
    assert statuses[401] <= 8 * server.processes, statuses
    assert statuses[429] + statuses[401] == count
    for client in server.clients_of_each_process({"x-forwarded-for": address}):

        def wait_after(password: str, client: httpx2.Client = client) -> int:
            response = client.post("/api/v1/login", data={"username": account, "password": password})
            return int(response.headers.get("retry-after", 0))

        # Each failure doubles the wait, so that one of them outlasts a slow machine.
        until(lambda: wait_after("wrong") > 3, 60)
        assert wait_after(PASSWORD) > 0


@pytest.mark.parametrize("network", ["203.0.113.7", "2001:db8:1:2::{:x}"])
def test_guesses_at_many_accounts_are_limited_by_address(server: AttackedServer, network: str) -> None:
    # All addresses of an IPv6 /64 network belong to one client.
    limit = FAILED_LOGINS_PER_ADDRESS * server.processes
    attempts = [(f"nobody-{uuid.uuid4()}", network.format(i + 1)) for i in range(3 * limit)]
    statuses = Counter(log_in(server, name, "wrong", address).status_code for name, address in attempts)
    assert FAILED_LOGINS_PER_ADDRESS <= statuses[401] < 2 * limit, statuses
    assert statuses[429] == len(attempts) - statuses[401]


def test_guesses_at_one_account_from_many_addresses_are_limited_and_lock_nobody_out(
    server: AttackedServer, account: str
) -> None:
    home = new_address()
    assert log_in(server, account, PASSWORD, home).status_code == 200
    attempts = [(account, new_address()) for _ in range(2 * FAILED_LOGINS_PER_ACCOUNT * server.processes)]
    statuses = Counter(log_in(server, name, "wrong", address).status_code for name, address in attempts)
    assert statuses[401] < len(attempts)
    assert statuses[429] > 0
    # The user has logged in from home before, and waits a few seconds elsewhere.
    assert log_in(server, account, PASSWORD, home).status_code == 200
    elsewhere = log_in(server, account, PASSWORD, new_address())
    assert elsewhere.status_code == 200 or int(elsewhere.headers["retry-after"]) <= 60 / FAILED_LOGINS_PER_ACCOUNT + 1


def test_a_flood_of_logins_leaves_the_server_available(server: AttackedServer) -> None:
    with server.observe() as observation:
        statuses = log_in_at_once(server, [(f"nobody-{uuid.uuid4()}", new_address()) for _ in range(60)])
    assert set(statuses) <= {401, 503}, statuses
    assert statuses[503] > 0
    observation.assert_available()
    # Two hashes of 64 MiB are computed at a time.
    observation.assert_memory(200 << 20)


def test_a_password_that_no_user_can_have_is_not_hashed(server: AttackedServer, account: str) -> None:
    response = log_in(server, account, "a" * 60_000, new_address())
    assert response.status_code == 401
