"""Rate limits by caller."""

from __future__ import annotations

import pytest

from headrace.auth.rate_limit import RateLimit, TooManyRequestsError


def test_the_error_names_the_limit_and_its_setting() -> None:
    limit = RateLimit(2, subject="The calls of this webhook", setting="HEADRACE_WEBHOOKS_PER_MINUTE")
    limit.acquire("flow")
    limit.acquire("flow")
    with pytest.raises(TooManyRequestsError) as error:
        limit.acquire("flow")
    assert error.value.message == (
        "The calls of this webhook exceed 2 per minute. Try again in 30 s; an operator can raise HEADRACE_WEBHOOKS_PER_MINUTE."
    )
