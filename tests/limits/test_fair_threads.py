"""Threads that accounts share."""

from __future__ import annotations

import asyncio
import threading

from headrace.limits.account import Account
from headrace.limits.fair_threads import FairThreads

ANN, BEN = Account("ann"), Account("ben")


def test_calls_that_outlive_their_caller_keep_counting_against_their_account() -> None:
    async def scenario() -> tuple[int, str]:
        threads = FairThreads(5, name="test")
        ended, running = threading.Event(), threading.Semaphore(0)

        def block() -> None:
            running.release()
            ended.wait()

        calls = [asyncio.create_task(threads.run(block, ANN)) for _ in range(20)]
        for _ in range(4):
            await asyncio.to_thread(running.acquire)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        # Ann's four threads are still busy, so a new call of hers waits, and Ben's does not.
        waiting = asyncio.create_task(threads.run(lambda: "ann", ANN))
        answer = await asyncio.wait_for(threads.run(lambda: "ben", BEN), 10)
        still_waiting = not waiting.done()
        ended.set()
        await waiting
        threads.close()
        return still_waiting, answer

    assert asyncio.run(scenario()) == (True, "ben")
