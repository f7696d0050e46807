"""Latencies of single requests: chains, the component list, model calls and custom code."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from benchmarks.api import ApiClient, median_first_match, median_latency, time_once
from benchmarks.client import LoadRequest
from benchmarks.flows import MODEL_KEY, chain_flow, custom_code_flow, echo_flow, model_flow
from benchmarks.options import BenchOptions
from benchmarks.report import print_row
from benchmarks.servers import PASSWORD, ServerProcess, start_headrace, start_model_server

REPEATS = 50
CHAIN_REPEATS = 10
CHAIN_LENGTHS = (10, 100, 1000)
#: Comparisons of a flow with custom code and the same flow without it.
PAIRS = 5


def measure_latencies(_options: BenchOptions) -> None:
    """Measure latencies on SQLite."""
    with tempfile.TemporaryDirectory() as name, start_model_server() as models:
        folder = Path(name)
        with start_headrace(folder, HEADRACE_CODE_ISOLATION="none") as server:
            client = ApiClient(server.base_url, "admin", PASSWORD)
            _measure_chains(client)
            listing = median_latency(client.get_request("/api/v1/all", **{"accept-encoding": "gzip"}), REPEATS)
            print_row("GET /api/v1/all", f"{listing:.1f} ms", "< 10 ms")
            _measure_model(client, f"{models.base_url}/v1")
            _measure_custom_code(client, "in the server process", "< 1 ms more")
        with start_headrace(folder, HEADRACE_CODE_ISOLATION="process") as server:
            _measure_isolated_code(server)


def _measure_chains(client: ApiClient) -> None:
    templates = client.templates()
    for vertices in CHAIN_LENGTHS:
        flow_id = client.create_flow(chain_flow(templates, vertices))
        request = client.run_request(flow_id, input_type="text", output_type="text")
        latency = median_latency(request, CHAIN_REPEATS)
        cost = f"{latency:.1f} ms, {latency / vertices * 1000:.0f} µs a vertex"
        print_row(f"run of a chain of {vertices}", cost, "constant per vertex")


def _measure_model(client: ApiClient, model_url: str) -> None:
    templates = client.templates()
    body: dict[str, object] = {"model": "bench", "messages": [{"role": "user", "content": "hello world!"}]}
    headers = {"authorization": f"Bearer {MODEL_KEY}"}
    direct = median_latency(LoadRequest(f"{model_url}/chat/completions", headers, body), REPEATS)
    run = median_latency(client.run_request(client.create_flow(model_flow(templates, model_url))), REPEATS)
    print_row("model flow over a direct model call", f"{run - direct:.1f} ms more ({direct:.1f} ms)", "< 10 ms more")
    streamed = LoadRequest(f"{model_url}/chat/completions", headers, {**body, "stream": True})
    direct_token = median_first_match(streamed, "content", REPEATS)
    request = client.run_request(client.create_flow(model_flow(templates, model_url, stream=True)))
    streamed_run = LoadRequest(f"{request.url}?stream=true", request.headers, request.body)
    token = median_first_match(streamed_run, '"token"', REPEATS)
    print_row("first token of a streamed run over a direct stream", f"{token - direct_token:.1f} ms more")


def _measure_custom_code(client: ApiClient, place: str, target: str) -> None:
    templates = client.templates()
    echo = client.run_request(client.create_flow(echo_flow(templates)))
    custom = client.run_request(client.create_flow(custom_code_flow(templates)))
    first = time_once(custom)
    # Alternate, so that other load on the machine meets both.
    pairs = [(median_latency(echo, REPEATS), median_latency(custom, REPEATS)) for _ in range(PAIRS)]
    extra = statistics.median(with_code - without for without, with_code in pairs)
    print_row(f"custom component {place}", f"first run {first:.0f} ms, later {extra:.2f} ms more than echo", target)


def _measure_isolated_code(server: ServerProcess) -> None:
    client = ApiClient(server.base_url, "admin", PASSWORD)
    before = server.resident_mib()
    _measure_custom_code(client, "in a worker process", "")
    print_row("resident memory of the worker process", f"{server.resident_mib() - before:.0f} MiB")
