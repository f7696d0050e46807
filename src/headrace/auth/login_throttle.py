"""A throttle for logins, which counts an attempt before its password is checked.

Three counts stop three kinds of guessing:

- Failures of an account from one address: few are free, then each failure doubles the wait.
- Attempts from one address on any account: a bucket that refills by the minute.
- Attempts on one account from any address: a looser bucket. It never locks a user out: the wait is a few seconds, and
  addresses from which the user has logged in before are exempt.

An attempt counts as a failure until its outcome is known, so that attempts that arrive in parallel count as well.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

from headrace.auth.errors import TooManyLoginsError
from headrace.auth.rate_limit import RateLimit, TooManyRequestsError

ALLOWED_FAILURES = 5
#: Longer names, which no account has, are cut: they are keys in memory.
MAX_USERNAME_LENGTH = 256
MAX_WAIT_SECONDS = 300
K = TypeVar("K")
V = TypeVar("V")

#: Pairs of address and account in memory; the oldest is dropped beyond this number. Since each recorded attempt takes a
#: hash, an attacker needs longer to push a pair out than the longest wait lasts.
_MAX_ENTRIES = 20_000


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """An attempt to log in whose outcome is not known yet."""

    address: str
    username: str


@dataclass(slots=True)
class _Failures:
    count: int = 0
    wait_until: float = 0.0


class LoginThrottle:
    """Limits login attempts by account and address."""

    def __init__(self, *, attempts_per_address: int, attempts_per_account: int) -> None:
        """Create the throttle.

        Args:
            attempts_per_address: the maximum number of failed attempts from one address per minute.
            attempts_per_account: the maximum number of failed attempts on one account per minute, from addresses from
                which nobody has logged in to it.

        """
        self._failures: OrderedDict[LoginAttempt, _Failures] = OrderedDict()
        #: Pairs of address and account with a successful login.
        self._known: OrderedDict[LoginAttempt, None] = OrderedDict()
        self._by_address = RateLimit(
            attempts_per_address,
            subject="The failed logins from your address",
            setting="HEADRACE_FAILED_LOGINS_PER_ADDRESS",
        )
        self._by_account = RateLimit(
            attempts_per_account,
            subject="The failed logins of this account",
            setting="HEADRACE_FAILED_LOGINS_PER_ACCOUNT",
        )

    def start(self, address: str, username: str) -> LoginAttempt:
        """Count an attempt as failed until `succeed` or `cancel` is called.

        Raises:
            TooManyLoginsError: the caller has to wait. The attempt is not counted.

        """
        username = username[:MAX_USERNAME_LENGTH]
        attempt = LoginAttempt(address, username)
        now = time.monotonic()
        failures = self._failures.get(attempt) or _Failures()
        if failures.count >= ALLOWED_FAILURES and failures.wait_until > now:
            raise TooManyLoginsError(math.ceil(failures.wait_until - now))
        try:
            self._by_address.acquire(address)
        except TooManyRequestsError as error:
            raise TooManyLoginsError(error.retry_after, error.message) from error
        if attempt not in self._known:
            try:
                self._by_account.acquire(username)
            except TooManyRequestsError as error:
                self._by_address.restore(address)
                raise TooManyLoginsError(error.retry_after, error.message) from error
        failures.count += 1
        excess = failures.count - ALLOWED_FAILURES
        failures.wait_until = now + (min(2**excess, MAX_WAIT_SECONDS) if excess >= 0 else 0)
        _remember(self._failures, attempt, failures)
        return attempt

    def succeed(self, attempt: LoginAttempt) -> None:
        """Forget the failures of the address on this account."""
        self._failures.pop(attempt, None)
        self._restore(attempt)
        _remember(self._known, attempt, None)

    def cancel(self, attempt: LoginAttempt) -> None:
        """Take back an attempt whose password was not checked, because the server could not."""
        failures = self._failures.get(attempt)
        if failures is not None:
            failures.count -= 1
            failures.wait_until = 0.0
            if failures.count <= 0:
                del self._failures[attempt]
        self._restore(attempt)

    def _restore(self, attempt: LoginAttempt) -> None:
        self._by_address.restore(attempt.address)
        if attempt not in self._known:
            self._by_account.restore(attempt.username)


def _remember(entries: OrderedDict[K, V], key: K, value: V) -> None:
    entries[key] = value
    entries.move_to_end(key)
    if len(entries) > _MAX_ENTRIES:
        entries.popitem(last=False)
