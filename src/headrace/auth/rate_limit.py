"""A rate limit by caller."""

from __future__ import annotations

import math
import time
from collections import OrderedDict

from headrace.errors import RetryLaterError

#: Callers in memory; the least recent is dropped beyond this number.
_MAX_CALLERS = 10_000


class TooManyRequestsError(RetryLaterError):
    """A caller, or all callers of a flow, send too many requests. `Retry-After` is the time to wait."""

    def __init__(self, limit: RateLimit, seconds: int) -> None:
        super().__init__(
            f"{limit.subject} exceed {limit.per_minute} per minute. Try again in {seconds} s; an operator can raise {limit.setting}.",
            seconds,
        )


class RateLimit:
    """A token bucket per caller, which holds and refills `per_minute` tokens."""

    def __init__(self, per_minute: int, *, subject: str, setting: str) -> None:
        """Start with full buckets.

        Args:
            per_minute: the maximum number of requests per minute.
            subject: the requests as the plural subject of an error message, such as "The calls of this webhook".
            setting: the variable that sets the limit, for the error message.

        """
        self.per_minute = per_minute
        self.subject = subject
        self.setting = setting
        self._per_second = per_minute / 60
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def acquire(self, key: str) -> None:
        """Count a request.

        Raises:
            TooManyRequestsError: the caller's bucket is empty.

        """
        now = time.monotonic()
        left, at = self._buckets.pop(key, (float(self.per_minute), now))
        left = min(self.per_minute, left + (now - at) * self._per_second)
        self._buckets[key] = (max(left - 1, 0) if left >= 1 else left, now)
        if len(self._buckets) > _MAX_CALLERS:
            self._buckets.popitem(last=False)
        if left < 1:
            raise TooManyRequestsError(self, math.ceil((1 - left) / self._per_second))

    def restore(self, key: str) -> None:
        """Take back a request that was counted."""
        bucket = self._buckets.get(key)
        if bucket is not None:
            left, at = bucket
            self._buckets[key] = (min(self.per_minute, left + 1), at)
