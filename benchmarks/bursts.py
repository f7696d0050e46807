"""Many builds, webhooks and visitors at once."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2

from benchmarks.api import TIMEOUT_SECONDS, ApiClient, median_first_match
from benchmarks.client import LoadRequest, send_count
from benchmarks.flows import echo_flow, model_flow
from benchmarks.options import BenchOptions
from benchmarks.report import print_row
from benchmarks.servers import PASSWORD, ServerProcess, start_headrace, start_model_server

BUILDS = 200
BUILD_ROUNDS = 5
VISITORS = 500
WEBHOOKS = 1000
STREAMED_WORDS = 20_000
REPEATS = 20


def measure_bursts(_options: BenchOptions) -> None:
    """Measure builds, webhooks and visitors on SQLite."""
    settings = {
        "HEADRACE_MAX_RUNS": str(VISITORS),
        "HEADRACE_PUBLIC_RUNS_PER_MINUTE": str(10 * VISITORS),
        "HEADRACE_WEBHOOKS_PER_MINUTE": "100000",
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        start_model_server() as models,
        start_headrace(Path(folder), **settings) as server,
    ):
        client = ApiClient(server.base_url, "admin", PASSWORD)
        _measure_build(client, f"{models.base_url}/v1")
        _measure_concurrent_builds(server, client)
        _measure_webhooks(client)
        _measure_visitors(client)


def _measure_build(client: ApiClient, model_url: str) -> None:
    templates = client.templates()
    flow_id = client.create_flow(echo_flow(templates))
    build = LoadRequest(_build_url(client, flow_id, "event_delivery=direct"), client.headers, _inputs("hello"))
    first = median_first_match(build, "vertices_sorted", REPEATS)
    print_row("build, start to its first event", f"{first:.1f} ms")
    streaming = client.create_flow(model_flow(templates, model_url, stream=True))
    started_at = time.perf_counter()
    with (
        httpx2.Client(headers=client.headers, timeout=TIMEOUT_SECONDS) as http,
        http.stream(
            "POST",
            _build_url(client, streaming, "event_delivery=direct"),
            json=_inputs("word " * STREAMED_WORDS),
        ) as answer,
    ):
        events = sum(1 for line in answer.iter_lines() if line)
    rate = events / (time.perf_counter() - started_at)
    print_row("events of one streaming build", f"{rate:.0f} a second, including the model server")


def _measure_concurrent_builds(server: ServerProcess, client: ApiClient) -> None:
    flow_id = client.create_flow(echo_flow(client.templates()))

    async def build(http: httpx2.AsyncClient, number: int) -> None:
        body = _inputs("hello", session=f"session-{number}")
        started = await http.post(_build_url(client, flow_id), json=body)
        started.raise_for_status()
        events = await http.get(f"{client.base_url}/api/v1/build/{started.json()['job_id']}/events")
        if '"end"' not in events.text:
            raise RuntimeError(f"The events of a build have no end: {events.text[:200]}")

    _run_concurrently(build, BUILDS, client.headers)
    before = server.resident_mib()
    seconds = [_run_concurrently(build, BUILDS, client.headers) for _ in range(BUILD_ROUNDS)]
    growth = (server.resident_mib() - before) * 1024 / (BUILD_ROUNDS * BUILDS)
    print_row(f"{BUILDS} concurrent builds, each followed to its end", f"{statistics.median(seconds):.2f} s")
    print_row("memory per finished build", f"{growth:.0f} KiB", "released after 5 minutes")


def _measure_webhooks(client: ApiClient) -> None:
    url = f"{client.base_url}/api/v1/webhook/{client.create_flow(echo_flow(client.templates()))}"
    request = LoadRequest(url, client.headers, {"hello": 1}, status=202)
    result = send_count(request, connections=32, count=WEBHOOKS)
    print_row(
        "webhooks accepted, 32 connections",
        f"{result.rate:.0f} a second, {result.errors} errors",
        "committed before the 202",
    )


def _measure_visitors(client: ApiClient) -> None:
    flow_id = client.create_flow(echo_flow(client.templates()), access_type="PUBLIC")
    url = f"{client.base_url}/api/v1/build_public_tmp/{flow_id}/flow?event_delivery=direct"
    latencies: list[float] = []

    async def visit(http: httpx2.AsyncClient, number: int) -> None:
        started_at = time.perf_counter()
        answer = await http.post(url, json=_inputs("hello"), headers={"cookie": f"client_id=visitor-{number}"})
        answer.raise_for_status()
        latencies.append(time.perf_counter() - started_at)

    seconds = _run_concurrently(visit, VISITORS, {})
    print_row(
        f"{VISITORS} concurrent visitors of a public flow",
        f"all answered in {seconds:.1f} s, median {statistics.median(latencies):.2f} s, including the client",
    )


def _run_concurrently(
    act: Callable[[httpx2.AsyncClient, int], Awaitable[None]], count: int, headers: dict[str, str]
) -> float:
    """Run `act` concurrently, `count` times, and return the seconds until all have returned."""

    async def run_all() -> None:
        limits = httpx2.Limits(max_connections=count)
        async with httpx2.AsyncClient(headers=headers, timeout=TIMEOUT_SECONDS, limits=limits) as http:
            await asyncio.gather(*(act(http, number) for number in range(count)))

    started_at = time.perf_counter()
    asyncio.run(run_all())
    return time.perf_counter() - started_at


def _build_url(client: ApiClient, flow_id: str, query: str = "") -> str:
    return f"{client.base_url}/api/v1/build/{flow_id}/flow" + (f"?{query}" if query else "")


def _inputs(text: str, session: str | None = None) -> dict[str, object]:
    return {"inputs": {"input_value": text, "session": session or str(uuid.uuid4())}}
