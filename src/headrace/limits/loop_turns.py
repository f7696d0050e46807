"""Turns on the event loop for work that computes without waiting.

A run that has computed for two slices of `SLICE_SECONDS` without a pause waits for a turn. In each iteration of the event loop
one run has a turn, and accounts alternate. Whatever the number of such runs, the event loop thereby serves its other tasks
between two slices.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from headrace.limits.account import Account
from headrace.limits.fair_queue import FairQueue

#: After how much computing a run is checked for whether it has to wait for its next turn, in seconds.
SLICE_SECONDS = 0.0025
#: Runs that may compute for a slice without a turn in one iteration of the event loop.
FREE_SLICES = 4


class LoopTurns:
    """The turns of one event loop."""

    def __init__(self) -> None:
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue()
        self._is_scheduled = False
        #: Slices without a turn in this iteration of the event loop.
        self._free_slices = 0

    def take_free_slice(self, on_yield: Callable[[], None]) -> bool:
        """Let a run that has just resumed compute for a slice without a turn, and return whether it may.

        Args:
            on_yield: is called once the event loop has served other tasks.

        """
        if self._free_slices >= FREE_SLICES:
            return False
        self._free_slices += 1

        def end_slice() -> None:
            self._free_slices = 0
            on_yield()

        asyncio.get_running_loop().call_soon(end_slice)
        return True

    async def wait(self, account: Account) -> None:
        """Wait for a turn."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.push(account, turn)
        if not self._is_scheduled:
            self._is_scheduled = True
            loop.call_soon(self._start_next, loop)
        await turn

    def _start_next(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_scheduled = False
        while (taken := self._waiting.take()) is not None:
            _, turn = taken
            if not turn.done():
                turn.set_result(None)
                break
        if len(self._waiting):
            self._is_scheduled = True
            loop.call_soon(self._start_next, loop)
