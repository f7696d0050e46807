"""Queues whose accounts take turns, and the turns on the event loop."""

from __future__ import annotations

import asyncio
import itertools

from headrace.limits.account import Account
from headrace.limits.fair_queue import FairQueue
from headrace.limits.loop_turns import LoopTurns

ANN, BEN = Account("ann"), Account("ben")
VISITORS = [Account("ann", f"203.0.113.{number}") for number in range(3)]


def drain(queue: FairQueue[str]) -> list[str]:
    items: list[str] = []
    while (taken := queue.take()) is not None:
        items.append(taken[1])
    return items


def test_users_take_turns_and_the_visitors_of_a_user_share_those_of_the_user() -> None:
    queue: FairQueue[str] = FairQueue()
    for visitor in VISITORS:
        queue.push(visitor, visitor.visitor)
    for number in range(3):
        queue.push(BEN, f"ben {number}")
    first, second, third = (visitor.visitor for visitor in VISITORS)
    assert drain(queue) == [first, "ben 0", second, "ben 1", third, "ben 2"]
    assert len(queue) == 0


def test_an_account_that_may_not_have_a_turn_keeps_its_place() -> None:
    queue: FairQueue[str] = FairQueue()
    for account, item in ((ANN, "a"), (ANN, "b"), (BEN, "c")):
        queue.push(account, item)
    assert queue.take(lambda account: account == BEN) == (BEN, "c")
    queue.push_front(BEN, "c")
    queue.remove(ANN, "a")
    assert drain(queue) == ["b", "c"]


def test_one_run_has_a_turn_in_each_iteration_of_the_event_loop() -> None:
    async def scenario() -> list[str]:
        turns, order = LoopTurns(), list[str]()

        async def compute(account: Account, slices: int) -> None:
            for _ in range(slices):
                await turns.wait(account)
                order.append(account.owner)

        async def serve() -> None:
            for _ in range(6):
                await asyncio.sleep(0)
                order.append("-")

        await asyncio.gather(compute(ANN, 2), compute(ANN, 2), compute(BEN, 2), serve())
        return order

    order = asyncio.run(scenario())
    computed = [owner for owner in order if owner != "-"]
    assert computed[:4] == ["ann", "ben", "ann", "ben"]
    # Other tasks run between two turns.
    assert all(pair != ("ann", "ann") for pair in itertools.pairwise(order))
