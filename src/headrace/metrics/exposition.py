"""The figures in the text format of Prometheus.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from typing import TYPE_CHECKING

from headrace.metrics.counters import BOUNDS_SECONDS, Durations

if TYPE_CHECKING:
    from prometheus_client import Metric

    from headrace.metrics.snapshot import Snapshot

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: The present values and their descriptions.
GAUGES = {
    "active_runs": "Runs in progress",
    "active_jobs": "Background runs in progress",
    "waiting_jobs": "Background runs that wait for a process, in the database",
    "event_streams": "Open event streams of builds",
    "connections": "Open HTTP connections",
    "busy_threads": "Threads that execute a component",
    "waiting_writes": "Changes that wait for the database",
    "memory_bytes": "Resident memory of the server processes",
    "processes": "Server processes",
}


def format_snapshot(snapshot: Snapshot) -> bytes:
    """Return the figures as text."""
    # Imported on first use: it is not needed to serve a request.
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.registry import Collector

    class SnapshotCollector(Collector):
        def collect(self) -> Iterable[Metric]:
            return _families(snapshot)

    registry = CollectorRegistry()
    registry.register(SnapshotCollector())
    return generate_latest(registry)


def _families(snapshot: Snapshot) -> list[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    requests = CounterMetricFamily("headrace_requests", "Requests by method and status", labels=["method", "status"])
    for (method, status), count in snapshot.requests.items():
        requests.add_metric([method, str(status)], count)
    runs = CounterMetricFamily("headrace_runs", "Ended runs by kind and outcome", labels=["kind", "outcome"])
    for (kind, outcome), count in snapshot.runs.items():
        runs.add_metric([kind, outcome], count)
    gauges: list[Metric] = [
        GaugeMetricFamily(f"headrace_{name}", text, value=snapshot.gauges[name]) for name, text in GAUGES.items()
    ]
    return [
        requests,
        _histogram("headrace_request_duration_seconds", "Duration of requests", snapshot.request_durations),
        runs,
        _histogram("headrace_run_duration_seconds", "Duration of runs", snapshot.run_durations),
        *gauges,
    ]


def _histogram(name: str, description: str, durations: Durations) -> Metric:
    from prometheus_client.core import HistogramMetricFamily

    bounds = [*map(str, BOUNDS_SECONDS), "+Inf"]
    buckets = [(bound, float(count)) for bound, count in zip(bounds, accumulate(durations.counts), strict=True)]
    return HistogramMetricFamily(name, description, buckets=buckets, sum_value=durations.total_seconds)
