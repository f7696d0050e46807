"""The start of a server, its idle memory, and the first model run after it."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.api import ApiClient, median_latency, time_once
from benchmarks.client import LoadRequest
from benchmarks.flows import echo_flow, model_flow
from benchmarks.options import BenchOptions
from benchmarks.report import print_row
from benchmarks.servers import PASSWORD, ServerProcess, start_headrace, start_model_server

STARTS = 5
IDLE_SECONDS = 2
LATER_RUNS = 50


def measure_start(options: BenchOptions) -> None:
    """Measure starts on each database, with a stored echo flow and a stored model flow."""
    for name in options.databases:
        with (
            tempfile.TemporaryDirectory() as folder,
            options.create_database(name) as url,
            start_model_server() as models,
        ):
            with start_headrace(Path(folder), url) as server:
                print_row(f"{name}, first start with an empty database", f"{server.start_seconds:.2f} s")
                idle = _idle_memory(server)
                requests = _create_flows(server, f"{models.base_url}/v1")
            print_row(f"{name}, resident memory, idle", f"{idle:.0f} MiB", "< 100 MiB")
            _measure_restarts(name, Path(folder), url, requests)


def _idle_memory(server: ServerProcess) -> float:
    time.sleep(IDLE_SECONDS)
    return server.resident_mib()


def _create_flows(server: ServerProcess, model_url: str) -> dict[str, LoadRequest]:
    client = ApiClient(server.base_url, "admin", PASSWORD)
    templates = client.templates()
    flows = {"echo": echo_flow(templates), "model": model_flow(templates, model_url)}
    return {flow: client.run_request(client.create_flow(data)) for flow, data in flows.items()}


def _measure_restarts(name: str, folder: Path, url: str | None, requests: dict[str, LoadRequest]) -> None:
    starts: list[float] = []
    first: dict[str, list[float]] = {flow: [] for flow in requests}
    later: dict[str, list[float]] = {flow: [] for flow in requests}
    for _ in range(STARTS):
        with start_headrace(folder, url) as server:
            starts.append(server.start_seconds)
            for flow, request in requests.items():
                _, _, path = request.url.partition("/api/")
                moved = LoadRequest(f"{server.base_url}/api/{path}", request.headers, request.body)
                first[flow].append(time_once(moved))
                later[flow].append(median_latency(moved, LATER_RUNS))
    print_row(f"{name}, start to the first 200, median of {STARTS}", f"{statistics.median(starts):.2f} s", "< 1.5 s")
    for flow in requests:
        extra = statistics.median(a - b for a, b in zip(first[flow], later[flow], strict=True))
        print_row(
            f"{name}, first {flow} run after a start",
            f"{extra:.0f} ms more than later ones ({statistics.median(later[flow]):.1f} ms)",
            "< 300 ms more" if flow == "model" else "",
        )
