"""Runs per second under sustained load, beside the limit."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from benchmarks.api import ApiClient
from benchmarks.client import LoadRequest, LoadResult
from benchmarks.flows import echo_flow, model_flow
from benchmarks.load import sustain
from benchmarks.options import BenchOptions
from benchmarks.report import print_row
from benchmarks.servers import PASSWORD, start_headrace, start_limit, start_model_server

CONNECTIONS = (1, 32)
WARM_UP_SECONDS = 2
WARM_UP_CONNECTIONS = 4
#: The share of the limit's rate that headrace aims at, by flow and connections.
TARGETS = {("echo", 1): "≥ 0.5", ("echo", 32): "≥ 0.5", ("model", 1): "≥ 0.5", ("model", 32): "≥ 0.7"}


def measure_throughput(options: BenchOptions) -> None:
    """Measure an echo flow and a flow with one model call on each database."""
    for name in options.databases:
        with (
            tempfile.TemporaryDirectory() as folder,
            options.create_database(name) as url,
            start_model_server() as models,
            start_headrace(Path(folder) / "headrace", url) as headrace,
            start_limit(url or str(Path(folder) / "limit.db"), f"{models.base_url}/v1") as limit,
        ):
            client = ApiClient(headrace.base_url, "admin", PASSWORD)
            templates = client.templates()
            flows = {"echo": echo_flow(templates), "model": model_flow(templates, f"{models.base_url}/v1")}
            for flow, data in flows.items():
                request = client.run_request(client.create_flow(data))
                limit_request = LoadRequest(f"{limit.base_url}/{flow}", body={"input_value": "hello world!"})
                _compare(f"{name}, {flow} flow", flow, request, limit_request, options)


def measure_other_server(client: ApiClient, options: BenchOptions) -> None:
    """Measure an echo flow on a server that is already running."""
    request = client.run_request(client.create_flow(echo_flow(client.templates())))
    for connections in CONNECTIONS:
        results = [sustain(request, connections=connections, seconds=options.seconds) for _ in range(options.rounds)]
        print_row(f"echo flow, {_count(connections)}", _describe(results))


def _compare(figure: str, flow: str, request: LoadRequest, limit_request: LoadRequest, options: BenchOptions) -> None:
    for load in (request, limit_request):
        sustain(load, connections=WARM_UP_CONNECTIONS, seconds=min(WARM_UP_SECONDS, options.seconds))
    for connections in CONNECTIONS:
        results: list[LoadResult] = []
        limits: list[LoadResult] = []
        for _ in range(options.rounds):
            results.append(sustain(request, connections=connections, seconds=options.seconds))
            limits.append(sustain(limit_request, connections=connections, seconds=options.seconds))
        # The ratio of neighbours in time: other load on the machine meets both.
        ratio = statistics.median(result.rate / limit.rate for result, limit in zip(results, limits, strict=True))
        print_row(
            f"{figure}, {_count(connections)}",
            f"**{ratio:.2f}** of the limit: {_describe(results)}; limit {_describe(limits)}",
            TARGETS[flow, connections],
        )


def _count(connections: int) -> str:
    return "1 connection" if connections == 1 else f"{connections} connections"


def _describe(results: list[LoadResult]) -> str:
    rate = statistics.median(result.rate for result in results)
    p99 = statistics.median(result.p99_ms for result in results)
    return f"{rate:.0f} runs/s (p99 {p99:.1f} ms, {sum(result.errors for result in results)} errors)"
