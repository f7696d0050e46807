"""Slows down those who guess passwords."""

from __future__ import annotations

import math
import time
from collections import OrderedDict

from headrace.auth.errors import TooManyLoginsError

FREE_FAILURES = 5
LONGEST_WAIT = 300
_REMEMBERED = 10_000


class LoginAttempts:
    """Counts failures by caller and name; after five, each makes the next wait twice as long."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def check(self, caller: str, username: str) -> None:
        """Raise TooManyLoginsError while the caller has to wait."""
        count, until = self._failures.get((caller, username), (0, 0.0))
        left = until - time.monotonic()
        if count >= FREE_FAILURES and left > 0:
            raise TooManyLoginsError(math.ceil(left))

    def failed(self, caller: str, username: str) -> None:
        """Remember a failure."""
        count = self._failures.pop((caller, username), (0, 0.0))[0] + 1
        wait = min(2 ** max(0, count - FREE_FAILURES), LONGEST_WAIT) if count >= FREE_FAILURES else 0
        self._failures[caller, username] = (count, time.monotonic() + wait)
        if len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, caller: str, username: str) -> None:
        """Forget the failures."""
        self._failures.pop((caller, username), None)
