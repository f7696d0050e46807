"""Bounds how often a stranger may ask for work."""

from __future__ import annotations

import math
import time
from collections import OrderedDict

from headrace.errors import TryAgainError

_REMEMBERED = 10_000


class TooManyRequestsError(TryAgainError):
    """A stranger asks too often; `seconds` says how long to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many requests. Try again in {seconds} s.", seconds)


class RateLimit:
    """A bucket for each stranger: so many at once, and as many again within a minute."""

    def __init__(self, per_minute: int) -> None:
        self._size = per_minute
        self._per_second = per_minute / 60
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, stranger: str) -> None:
        """Count a request.

        Raises:
            TooManyRequestsError: the stranger's bucket is empty.

        """
        now = time.monotonic()
        left, at = self._buckets.pop(stranger, (float(self._size), now))
        left = min(self._size, left + (now - at) * self._per_second)
        self._buckets[stranger] = (max(left - 1, 0) if left >= 1 else left, now)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        if left < 1:
            raise TooManyRequestsError(math.ceil((1 - left) / self._per_second))
