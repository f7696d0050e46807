"""Budgets of values, runs and accounts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.limits.account import Account
from headrace.limits.byte_budget import (
    NO_RUN,
    RESERVED_BLOCK_BYTES,
    ByteLedger,
    ByteLimitError,
    ByteLimits,
    RunMemoryError,
)

ANN, BEN = Account("ann"), Account("ben")
LIMITS = ByteLimits(value=1_000_000, run=4_000_000, user=6_000_000, all_runs=20_000_000)


def test_a_value_that_is_too_large_is_refused_with_its_name_size_and_setting() -> None:
    budget = ByteLedger(LIMITS).open(ANN)
    with pytest.raises(ByteLimitError) as error:
        budget.check(2_500_000, "The prompt")
    assert error.value.message == (
        "The prompt would take 2.5 MB; at most 1.0 MB are allowed. Send less data, or ask an operator to raise "
        "HEADRACE_MAX_VALUE_BYTES."
    )


def test_the_values_of_a_run_are_limited_together() -> None:
    budget = ByteLedger(LIMITS).open(ANN)
    for _ in range(4):
        budget.hold(900_000, "The prompt")
    with pytest.raises(ByteLimitError, match="HEADRACE_MAX_RUN_BYTES"):
        budget.hold(900_000, "The prompt")
    budget.release(900_000)
    budget.hold(900_000, "The prompt")


def test_the_runs_of_an_account_and_its_visitors_are_limited_together() -> None:
    ledger = ByteLedger(LIMITS)
    visitor = Account("ann", "203.0.113.1")
    runs = [ledger.open(account) for account in (ANN, visitor)]
    for run in runs:
        for _ in range(3):
            run.hold(900_000, "The prompt")
    with pytest.raises(ByteLimitError, match="HEADRACE_MAX_USER_RUN_BYTES"):
        runs[0].hold(900_000, "The prompt")
    ledger.open(BEN).hold(900_000, "The prompt")
    runs[1].close()
    runs[0].hold(900_000, "The prompt")


def test_many_accounts_leave_memory_to_a_newcomer() -> None:
    ledger = ByteLedger(LIMITS)
    for number in range(40):
        run = ledger.open(Account(f"user {number}"))
        with pytest.raises((ByteLimitError, RunMemoryError)):
            for _ in range(10):
                run.hold(900_000, "The prompt")
    ledger.open(Account("newcomer")).hold(RESERVED_BLOCK_BYTES // 2, "The prompt")
    assert ledger.held <= LIMITS.all_runs


def test_a_growing_value_is_limited_and_released() -> None:
    ledger = ByteLedger(LIMITS)
    budget = ledger.open(ANN)
    with (
        pytest.raises(ByteLimitError, match=r"The answer of the model would take 1\.0 MB"),
        budget.grow("The answer of the model") as growth,
    ):
        while True:
            growth.add(1000)
    assert budget.held == 0
    budget.close()
    assert ledger.held == 0


def test_outside_of_runs_only_single_values_are_limited() -> None:
    for _ in range(100):
        NO_RUN.hold(50_000_000, "The prompt")
    with pytest.raises(ByteLimitError):
        NO_RUN.check(NO_RUN.limits.value + 1, "The prompt")


@given(st.lists(st.tuples(st.sampled_from(["hold", "release"]), st.integers(0, 900_000)), max_size=50))
def test_a_closed_run_has_returned_everything(steps: list[tuple[str, int]]) -> None:
    ledger = ByteLedger(LIMITS)
    run = ledger.open(ANN)
    for action, size in steps:
        if action == "hold":
            try:
                run.hold(size, "The prompt")
            except ByteLimitError:
                continue
        else:
            run.release(min(size, run.held))
        assert run.held <= ledger.held <= LIMITS.user
    run.close()
    assert ledger.held == 0


def test_work_that_outlives_its_run_is_limited_but_not_counted() -> None:
    ledger = ByteLedger(LIMITS)
    run = ledger.open(ANN)
    run.hold(900_000, "The prompt")
    run.close()
    run.release(900_000)
    run.hold(900_000, "The prompt")
    with pytest.raises(ByteLimitError):
        run.hold(5_000_000, "The prompt")
    assert ledger.held == 0


def test_a_response_beyond_the_limit_of_a_run_is_refused_with_its_name() -> None:
    budget = ByteLedger(LIMITS).open(ANN)
    with pytest.raises(ByteLimitError) as error:
        budget.hold_response(5_000_000, "The imported flow")
    assert error.value.message.startswith("With the imported flow, the values of this run would take 5.0 MB")
