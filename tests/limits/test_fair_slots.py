"""Slots that accounts share."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from headrace.limits.account import Account
from headrace.limits.fair_slots import FairSlots

ANN, BEN, CLEO = Account("ann"), Account("ben"), Account("cleo")


def take_all(slots: FairSlots, account: Account) -> int:
    taken = 0
    while slots.try_acquire(account):
        taken += 1
    return taken


def test_a_lone_account_gets_four_fifths_and_a_newcomer_a_part_of_the_rest() -> None:
    slots = FairSlots(100)
    assert take_all(slots, ANN) == 80
    assert take_all(slots, BEN) == 16
    assert take_all(slots, CLEO) >= 3


def test_a_small_number_of_slots_can_be_used_in_full() -> None:
    assert [take_all(FairSlots(total), ANN) for total in (1, 2, 3, 4)] == [1, 2, 3, 4]


def test_a_visitor_leaves_slots_to_the_other_visitors_and_to_other_users() -> None:
    slots = FairSlots(100)
    greedy = take_all(slots, Account("ann", "203.0.113.1"))
    assert greedy <= 70
    assert take_all(slots, Account("ann", "203.0.113.2")) > 5
    take_all(slots, ANN)
    assert take_all(slots, BEN) > 5


def test_waiting_accounts_take_turns() -> None:
    async def scenario() -> list[str]:
        slots = FairSlots(1)
        await slots.acquire(CLEO)
        order: list[str] = []

        async def work(account: Account) -> None:
            await slots.acquire(account)
            order.append(account.owner)
            slots.release(account)

        tasks = [asyncio.create_task(work(account)) for account in (ANN, ANN, ANN, BEN)]
        await asyncio.sleep(0)
        slots.release(CLEO)
        await asyncio.gather(*tasks)
        return order

    assert asyncio.run(scenario()) == ["ann", "ben", "ann", "ann"]


@given(st.lists(st.tuples(st.sampled_from([ANN, BEN, Account("ann", "v")]), st.sampled_from(["acquire", "end"]))))
def test_cancelled_and_ended_callers_lose_no_slot(steps: list[tuple[Account, str]]) -> None:
    async def scenario() -> int:
        slots = FairSlots(3)
        tasks: list[asyncio.Task[None]] = []
        started: list[asyncio.Task[None]] = []

        async def hold(account: Account) -> None:
            await slots.acquire(account)
            try:
                await asyncio.Event().wait()
            finally:
                slots.release(account)

        for account, action in steps:
            if action == "acquire":
                tasks.append(asyncio.create_task(hold(account)))
                started.append(tasks[-1])
            elif tasks:
                tasks.pop(0).cancel()
            await asyncio.sleep(0)
            assert slots.held <= slots.total
        for task in started:
            task.cancel()
        ends = await asyncio.gather(*started, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends
        return slots.held

    assert asyncio.run(scenario()) == 0
