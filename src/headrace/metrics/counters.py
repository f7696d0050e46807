"""Counts of requests and runs, which cost a few additions each.

They have no label that names a user, a flow or a path: their number stays small, and a reader learns nothing about users.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

#: Upper bounds of the classes of durations, in seconds. The last class has no bound.
BOUNDS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"})


@dataclass(slots=True)
class Durations:
    """Durations in classes, as a histogram of Prometheus has them."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_SECONDS) + 1))
    total_seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count a duration."""
        self.counts[bisect_left(BOUNDS_SECONDS, seconds)] += 1
        self.total_seconds += seconds

    def merge(self, other: Durations) -> None:
        """Add the durations of another process."""
        self.counts = [own + others for own, others in zip(self.counts, other.counts, strict=True)]
        self.total_seconds += other.total_seconds


@dataclass(slots=True)
class ServerCounters:
    """What has happened in this process since its start."""

    #: Responses by method and status.
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    request_durations: Durations = field(default_factory=Durations)
    #: Ended runs by their kind and outcome: `ok`, or the name of the kind of error.
    runs: Counter[tuple[str, str]] = field(default_factory=Counter)
    run_durations: Durations = field(default_factory=Durations)

    def count_request(self, method: str, status: int, seconds: float) -> None:
        """Count a request."""
        if method not in METHODS:
            # Clients make up methods; each would be a figure of its own.
            method = "other"
        self.requests[method, status] += 1
        self.request_durations.add(seconds)

    def count_run(self, origin: str, outcome: str, seconds: float) -> None:
        """Count a run that has ended."""
        self.runs[origin, outcome] += 1
        self.run_durations.add(seconds)
