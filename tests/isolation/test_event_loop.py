"""No value of a worker occupies the server's event loop for long, whatever it is."""

from __future__ import annotations

import asyncio
import contextlib
import time
from uuid import UUID

import pytest

from headrace.component.component import ComponentError
from headrace.errors import HeadraceError
from headrace.isolation.host.worker_pool import WorkerPool
from headrace.isolation.limits import ResourceLimits
from headrace.net.egress import EgressGuard

#: Processor time of the event loop between two turns, in seconds. The largest part of a frame takes a few milliseconds; the rest is
#: for the garbage collector, which looks at all values at once.
MAX_TURN_SECONDS = 0.4
VALUES = {
    "colliding integers in a set": "{n * (2**61 - 1) for n in range(20_000)}",
    "colliding integers as keys": "{n * (2**61 - 1): n for n in range(20_000)}",
    "many lists": "[[] for _ in range(600_000)]",
    "too many lists": "[[] for _ in range(1_500_000)]",
    "many keys": "{str(n): None for n in range(300_000)}",
    "many integer keys": "{n: n for n in range(100_000)}",
    "a long text": "'é' * 20_000_000",
    "long bytes": "b'x' * 30_000_000",
    "an escaped text": "'\\x01' * 5_000_000",
    "many large integers": "[10**4000 for _ in range(5_000)]",
    "a large table": "__import__('pandas').DataFrame({str(c): range(50_000) for c in range(10)})",
}


async def longest_turn(source: str) -> float:
    """Return the longest turn of the event loop while a worker returns a value, in seconds of processor time."""
    pool = WorkerPool(ResourceLimits(), EgressGuard(enabled=True, allowed=[]), max_workers=1, idle_seconds=60)
    turns = [0.0]

    async def watch() -> None:
        before = time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            now = time.thread_time()
            turns.append(now - before)
            before = now

    try:
        await pool.reserve(UUID(int=1))
        watcher = asyncio.create_task(watch())
        with contextlib.suppress(ComponentError, HeadraceError):
            await pool.run_python(UUID(int=1), "", {}, (), source)
        watcher.cancel()
    finally:
        await pool.close()
    return max(turns)


@pytest.mark.parametrize("value", VALUES)
def test_no_value_of_a_worker_occupies_the_event_loop_for_long(value: str) -> None:
    assert asyncio.run(longest_turn(VALUES[value])) < MAX_TURN_SECONDS
