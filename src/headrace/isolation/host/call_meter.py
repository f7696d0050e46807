"""Distribute the processor time of a worker among its open calls."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

#: Calls that share processor time at most. Code with more open calls is charged as if it had so many, so that it cannot
#: multiply its limit with calls that wait.
MAX_SHARES = 4


class CallMeter:
    """The open calls of one worker, with the processor time that each has used.

    The kernel measures a process, not a call. Each call is charged an equal share of the time that passes while it is open.
    """

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        #: For each open call, oldest first: the value of `_charged` at its start.
        self._starts: dict[int, float] = {}
        #: The processor time that a call would have been charged if it had been open all the time, in seconds.
        self._charged = 0.0
        self._last_cpu_seconds = 0.0

    @property
    def open_calls(self) -> int:
        """The number of open calls."""
        return len(self._starts)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Count a call as open inside the context."""
        number = next(self._numbers)
        self._starts[number] = self._charged
        try:
            yield
        finally:
            del self._starts[number]

    def add(self, cpu_seconds: float) -> None:
        """Charge the open calls for the time since the last measurement.

        Args:
            cpu_seconds: the processor time of the process since its start.

        """
        used = cpu_seconds - self._last_cpu_seconds
        self._last_cpu_seconds = cpu_seconds
        if self._starts:
            self._charged += used / min(len(self._starts), MAX_SHARES)

    def longest_seconds(self) -> float:
        """Return the processor time of the call that has used most, in seconds."""
        oldest = next(iter(self._starts.values()), self._charged)
        return self._charged - oldest
