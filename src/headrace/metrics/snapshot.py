"""The figures of one server process at a moment, and those of all processes together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import orjson

from headrace.metrics.counters import Durations

if TYPE_CHECKING:
    from headrace.metrics.counters import ServerCounters

#: The kernel's unit of memory in `/proc/self/statm` (proc(5)).
_PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Counts since the start of a process, and present values by name."""

    requests: Counter[tuple[str, int]]
    request_durations: Durations
    runs: Counter[tuple[str, str]]
    run_durations: Durations
    gauges: Counter[str] = field(default_factory=Counter)

    @classmethod
    def take(cls, counters: ServerCounters, gauges: dict[str, int]) -> Self:
        """Return the present counts of this process, and its memory beside other present values."""
        values = Counter({**gauges, "memory_bytes": resident_bytes()})
        return cls(counters.requests, counters.request_durations, counters.runs, counters.run_durations, values)

    @classmethod
    def total(cls, snapshots: Iterable[Snapshot]) -> Self:
        """Return the sums of several processes."""
        result = cls(Counter(), Durations(), Counter(), Durations())
        for snapshot in snapshots:
            result.requests.update(snapshot.requests)
            result.runs.update(snapshot.runs)
            result.gauges.update(snapshot.gauges)
            result.request_durations.merge(snapshot.request_durations)
            result.run_durations.merge(snapshot.run_durations)
        return result

    def to_json(self) -> bytes:
        """Return the snapshot as JSON for another process."""
        return orjson.dumps(
            {
                "requests": [[*key, count] for key, count in self.requests.items()],
                "runs": [[*key, count] for key, count in self.runs.items()],
                "gauges": self.gauges,
                "request_durations": self.request_durations,
                "run_durations": self.run_durations,
            }
        )

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return the snapshot of another process."""
        body: dict[str, Any] = orjson.loads(text)
        return cls(
            Counter({(method, status): count for method, status, count in body["requests"]}),
            Durations(**body["request_durations"]),
            Counter({(origin, outcome): count for origin, outcome, count in body["runs"]}),
            Durations(**body["run_durations"]),
            Counter(body["gauges"]),
        )


def resident_bytes() -> int:
    """Return the memory of this process, or 0 on a system without `/proc`."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0
