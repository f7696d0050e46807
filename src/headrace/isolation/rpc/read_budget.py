"""Limit the part of an event loop's time that the frames of one worker may take."""

from __future__ import annotations

import time

#: Part of the time of the event loop.
MAX_SHARE = 0.25
#: Time that may be used at once after a quiet time, in seconds.
BURST_SECONDS = 0.1
#: Time of a frame that no clock measures: reading it, and for a request, the task that responds, in seconds.
FRAME_SECONDS = 20e-6
REQUEST_SECONDS = 100e-6
#: Time after which the event loop does other work although more frames have arrived, in seconds.
YIELD_SECONDS = 2e-3


class ReadBudget:
    """The time that the event loop has spent on one connection."""

    def __init__(self) -> None:
        """Create an unused budget."""
        self._debt = 0.0
        self._updated = time.monotonic()

    def spend(self, seconds: float) -> float:
        """Count time spent, and return for how many seconds to pause before the next frame."""
        now = time.monotonic()
        self._debt = max(self._debt - (now - self._updated) * MAX_SHARE, 0.0) + seconds
        self._updated = now
        return max(self._debt - BURST_SECONDS, 0.0) / MAX_SHARE
