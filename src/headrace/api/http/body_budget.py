"""A budget of bytes that the bodies of all concurrent requests share."""

from __future__ import annotations

from collections import Counter

from headrace.errors import RetryLaterError, ServerBusyError

#: Requests without credentials hold at most this part of the budget, so that they cannot exhaust it for users.
ANONYMOUS_PART = 1 / 4
#: The requests of one client address hold at most this part of the budget.
ADDRESS_PART = 1 / 2
RETRY_AFTER_SECONDS = 1

_REMEDY = "Try again later. An operator can raise HEADRACE_MAX_BODY_BYTES_IN_FLIGHT."


class BodyBudgetError(ServerBusyError):
    """The bodies of concurrent requests take up all the memory that they share."""

    def __init__(self, limit: int) -> None:
        message = f"The bodies of the requests that the server is handling take up their {limit} bytes. {_REMEDY}"
        super().__init__(message, RETRY_AFTER_SECONDS)

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of the response; the rest of the body is not read."""
        return {**(super().headers or {}), "connection": "close"}


class AddressBudgetError(RetryLaterError):
    """The bodies of the concurrent requests of one client address take up its share."""

    def __init__(self, limit: int) -> None:
        message = f"The bodies of your concurrent requests take up their share of {limit} bytes. {_REMEDY}"
        super().__init__(message, RETRY_AFTER_SECONDS)

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of the response; the rest of the body is not read."""
        return {**(super().headers or {}), "connection": "close"}


class BodyBudget:
    """Counts the bytes of bodies in memory: of all requests, of those without credentials, and by client address."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._anonymous_limit = int(total * ANONYMOUS_PART)
        self._address_limit = int(total * ADDRESS_PART)
        self._used = 0
        self._anonymous_used = 0
        self._used_by_address: Counter[str] = Counter()

    def reserve(self, size: int, address: str, *, is_anonymous: bool) -> None:
        """Add bytes of a request, or raise without adding them.

        Raises:
            AddressBudgetError: the requests of this address hold their share.
            BodyBudgetError: all requests, or those without credentials, hold their part.

        """
        if self._used_by_address[address] + size > self._address_limit:
            raise AddressBudgetError(self._address_limit)
        if self._used + size > self._total:
            raise BodyBudgetError(self._total)
        if is_anonymous:
            if self._anonymous_used + size > self._anonymous_limit:
                raise BodyBudgetError(self._anonymous_limit)
            self._anonymous_used += size
        self._used += size
        self._used_by_address[address] += size

    def release(self, size: int, address: str, *, is_anonymous: bool) -> None:
        """Remove the bytes that a request has reserved."""
        self._used -= size
        if is_anonymous:
            self._anonymous_used -= size
        self._used_by_address[address] -= size
        if not self._used_by_address[address]:
            del self._used_by_address[address]
