"""The counts of the login throttle."""

from __future__ import annotations

import pytest

from headrace.auth.errors import TooManyLoginsError
from headrace.auth.login_throttle import ALLOWED_FAILURES, LoginThrottle


def throttle(*, address: int = 1000, account: int = 1000) -> LoginThrottle:
    return LoginThrottle(attempts_per_address=address, attempts_per_account=account)


def test_attempts_without_an_outcome_count() -> None:
    logins = throttle()
    for _ in range(ALLOWED_FAILURES):
        logins.start("a", "user")
    with pytest.raises(TooManyLoginsError) as refusal:
        logins.start("a", "user")
    assert refusal.value.retry_after == 1
    logins.start("b", "user")
    logins.start("a", "other")


def test_a_success_resets_the_failures_of_its_address_only() -> None:
    logins = throttle()
    for _ in range(ALLOWED_FAILURES):
        logins.start("b", "user")
    for _ in range(3 * ALLOWED_FAILURES):
        logins.succeed(logins.start("a", "user"))
    with pytest.raises(TooManyLoginsError):
        logins.start("b", "user")


def test_an_attempt_that_was_not_checked_does_not_count() -> None:
    logins = throttle(address=2, account=2)
    for _ in range(20):
        logins.cancel(logins.start("a", "user"))


def test_an_address_has_a_limit_for_all_accounts() -> None:
    logins = throttle(address=10)
    for i in range(10):
        logins.start("a", f"user {i}")
    with pytest.raises(TooManyLoginsError, match="your address"):
        logins.start("a", "another")


def test_an_account_has_a_limit_for_all_addresses_but_known_ones() -> None:
    logins = throttle(account=10)
    logins.succeed(logins.start("home", "user"))
    for i in range(10):
        logins.start(f"address {i}", "user")
    with pytest.raises(TooManyLoginsError, match="this account") as refusal:
        logins.start("another", "user")
    assert refusal.value.retry_after <= 6
    logins.start("home", "user")


def test_a_long_name_is_cut() -> None:
    logins = throttle()
    assert len(logins.start("a", "x" * 1_000_000).username) == 256
