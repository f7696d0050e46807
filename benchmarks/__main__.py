"""Measures the figures of the design in one run, beside the limit of a bare endpoint.

`python -m benchmarks` measures headrace. With `--base-url URL --username NAME --password PASSWORD` it measures the runs of another server that
speaks the Langflow API, on this machine, the same way.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from benchmarks.load import load, request_bytes
from benchmarks.messages import fill, pages
from benchmarks.servers import PASSWORD, Served, bare, headrace, model
from tests.compat.test_people_code import with_code
from tests.compat.test_sources import component
from tests.flow_builder import FlowBuilder, echo_flow, model_flow
from tests.model_server import KEY

CONNECTIONS = (1, 32)
VISITORS = 500
CROWD = 200
#: A component as people write them.
SOURCE = component("return Message(text=self.input_value.upper())")


def say(figure: str, value: str, goal: str = "") -> None:
    """Print a row."""
    print(f"| {figure} | {value} | {goal} |", flush=True)


def key_of(base: str, username: str, password: str) -> dict[str, str]:
    """Log in and return the header of a new API key."""
    token = httpx2.post(f"{base}/api/v1/login", data={"username": username, "password": password}).json()[
        "access_token"
    ]
    made = httpx2.post(
        f"{base}/api/v1/api_key/", json={"name": "bench"}, headers={"authorization": f"Bearer {token}"}
    ).json()
    return {"x-api-key": made["api_key"]}


def saved(base: str, headers: dict[str, str], data: dict[str, Any]) -> str:
    """Keep a flow and return its id."""
    answer = httpx2.post(
        f"{base}/api/v1/flows/", json={"name": f"bench {uuid.uuid4()}", "data": data}, headers=headers, timeout=60
    )
    answer.raise_for_status()
    return str(answer.json()["id"])


def chain(vertices: int) -> dict[str, Any]:
    """Return a flow of `vertices` in a row."""
    flow = FlowBuilder().node("TextInput", "TextInput-0")
    for i in range(1, vertices - 1):
        flow.node("Prompt Template", f"Prompt-{i}", template="{x}", x="").edge(
            f"TextInput-{i - 1}" if i == 1 else f"Prompt-{i - 1}", "text" if i == 1 else "prompt", f"Prompt-{i}", "x"
        )
    last = vertices - 1
    flow.node("TextOutput", f"TextOutput-{last}").edge(
        f"Prompt-{last - 1}", "prompt", f"TextOutput-{last}", "input_value"
    )
    return flow.data


def rate(url: str, request: bytes, connections: int, requests: int) -> float:
    """Return the best of three loads after one to warm up, requests per second."""
    asyncio.run(load(url, request, connections=connections, requests=max(requests // 10, 5)))
    loads = [asyncio.run(load(url, request, connections=connections, requests=requests)) for _ in range(3)]
    if any(done.failures for done in loads):
        raise RuntimeError(f"{url} failed under load")
    return max(done.rate for done in loads)


def milliseconds(url: str, headers: dict[str, str], body: object | None, times: int) -> float:
    """Return the median time of one request after another, ms."""
    request = request_bytes(url, headers, body)
    asyncio.run(load(url, request, connections=1, requests=5))
    return statistics.median(
        asyncio.run(load(url, request, connections=1, requests=1)).seconds * 1000 for _ in range(times)
    )


def first_piece(url: str, headers: dict[str, str], body: dict[str, Any], mark: str) -> float:
    """Return the median time to a stream's first piece that holds `mark`, ms."""
    times: list[float] = []
    with httpx2.Client(headers=headers) as client:
        for _ in range(20):
            begun = time.perf_counter()
            with client.stream("POST", url, json=body) as answer:
                for piece in answer.iter_text():
                    if mark in piece:
                        times.append((time.perf_counter() - begun) * 1000)
                        break
    return statistics.median(times[3:])


def measure_runs(base: str, headers: dict[str, str], limit: str | None) -> None:
    """Measure echo runs beside the limit, and chains."""
    flow_id = saved(base, headers, echo_flow())
    url = f"{base}/api/v1/run/{flow_id}"
    request = request_bytes(url, headers, {"input_value": "hello"})
    for connections in CONNECTIONS:
        mine = rate(url, request, connections, 1000)
        if limit is None:
            say(f"echo flow, {connections} connections", f"{mine:.0f} runs/s")
            continue
        most = rate(limit, request_bytes(limit, {}, {"input_value": "hello"}), connections, 1000)
        say(
            f"echo flow, {connections} connections",
            f"{mine:.0f} runs/s; limit {most:.0f}; ratio {mine / most:.2f}",
            "≥ 0.5",
        )
    for vertices in (10, 100, 1000):
        chained = f"{base}/api/v1/run/{saved(base, headers, chain(vertices))}"
        took = milliseconds(chained, headers, {"input_value": "x", "input_type": "text", "output_type": "text"}, 10)
        say(f"chain of {vertices}", f"{took:.2f} ms; {took / vertices * 1000:.0f} µs a vertex", "constant a vertex")


def measure_model(base: str, headers: dict[str, str], models: Served) -> None:
    """Measure what the server adds to a model's call."""
    address = f"{models.base}/v1"
    key = {"authorization": f"Bearer {KEY}"}
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    direct = milliseconds(f"{address}/chat/completions", key, asked, 50)
    through = milliseconds(
        f"{base}/api/v1/run/{saved(base, headers, model_flow(address, KEY))}", headers, {"input_value": "hi"}, 50
    )
    say("LLM flow over a direct call", f"{through - direct:.1f} ms ({through:.1f} against {direct:.1f})", "< 10 ms")
    streamed = f"{base}/api/v1/run/{saved(base, headers, model_flow(address, KEY, stream=True))}?stream=true"
    token = first_piece(streamed, headers, {"input_value": "hi"}, '"token"')
    direct_token = first_piece(f"{address}/chat/completions", key, {**asked, "stream": True}, "content")
    say("first token over a direct stream", f"{token - direct_token:.1f} ms", "run included")


def measure_headrace(runs: int) -> None:
    """Measure headrace, started for this."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with headrace(folder / "server") as first:
            say("the very first start, on an empty folder", f"{first.start_seconds:.2f} s")
        many = {
            "HEADRACE_MAX_RUNS": str(VISITORS),
            "HEADRACE_PUBLIC_RUNS_PER_MINUTE": str(10 * VISITORS),
            "HEADRACE_WEBHOOKS_PER_MINUTE": "100000",
            "HEADRACE_CODE_ISOLATION": "none",
        }
        with headrace(folder / "server", **many) as served, bare(folder / "limit") as limit, model() as models:
            say("start to the first 200 of /health_check, warm", f"{served.start_seconds:.2f} s", "< 2 s")
            time.sleep(1)
            say("resident memory, idle", f"{served.resident_mb():.0f} MB", "< 150 MB")
            headers = key_of(served.base, "admin", PASSWORD)
            measure_runs(served.base, headers, f"{limit.base}/echo")
            say(
                "GET /api/v1/all",
                f"{milliseconds(f'{served.base}/api/v1/all', {**headers, 'accept-encoding': 'gzip'}, None, 50):.2f} ms",
                "< 10 ms",
            )
            measure_growth(served, headers, runs)
            measure_own_code(served.base, headers, "in the server's process", "< 1 ms")
            measure_model(served.base, headers, models)
            measure_builds(served.base, headers, models)
            measure_crowd(served, headers, CROWD)
            measure_webhooks(served.base, headers)
            measure_visitors(served.base, headers, VISITORS)
        with headrace(folder / "server", HEADRACE_CODE_ISOLATION="process") as served:
            headers = key_of(served.base, "admin", PASSWORD)
            before = served.resident_mb()
            measure_own_code(served.base, headers, "in a process of its user's", "")
            say("resident memory of that process", f"{served.resident_mb() - before:.0f} MB")


def measure_builds(base: str, headers: dict[str, str], models: Served) -> None:
    """Measure builds that are watched."""
    flow_id = saved(base, headers, echo_flow())
    direct = f"{base}/api/v1/build/{flow_id}/flow?event_delivery=direct"
    said = {"inputs": {"input_value": "hi"}}
    say("build start to its first event", f"{first_piece(direct, headers, said, 'vertices_sorted'):.1f} ms")
    streamed = saved(base, headers, model_flow(f"{models.base}/v1", KEY, stream=True))
    talk = {"inputs": {"input_value": "word " * 20_000}}
    begun, events = time.perf_counter(), 0
    with httpx2.Client(headers=headers, timeout=120) as client:
        address = f"{base}/api/v1/build/{streamed}/flow?event_delivery=direct"
        with client.stream("POST", address, json=talk) as answer:
            events = sum(1 for line in answer.iter_lines() if line)
    say("events through one build", f"{events / (time.perf_counter() - begun):.0f} a second, the model's included")


def measure_crowd(served: Served, headers: dict[str, str], builds: int) -> None:
    """Measure builds that all run at once, begun and watched to their end, and the memory that they leave."""
    flow_id = saved(served.base, headers, echo_flow())

    async def build(client: httpx2.AsyncClient) -> None:
        said = {"inputs": {"input_value": "hi", "session": str(uuid.uuid4())}}
        begun = await client.post(f"{served.base}/api/v1/build/{flow_id}/flow", json=said)
        begun.raise_for_status()
        events = await client.get(f"{served.base}/api/v1/build/{begun.json()['job_id']}/events")
        if '"end"' not in events.text:
            raise RuntimeError("a build did not end")

    async def all_of_them() -> None:
        limits = httpx2.Limits(max_connections=builds)
        async with httpx2.AsyncClient(headers=headers, timeout=120, limits=limits) as client:
            await asyncio.gather(*(build(client) for _ in range(builds)))

    asyncio.run(all_of_them())
    before, begun = served.resident_mb(), time.perf_counter()
    for _ in range(5):
        asyncio.run(all_of_them())
    seconds = (time.perf_counter() - begun) / 5
    say(f"{builds} builds at once, begun and watched", f"{seconds:.2f} s", "none fails")
    kept = (served.resident_mb() - before) * 1000 / (5 * builds)
    say("memory held a build until it is forgotten", f"{kept:.0f} kB", "given back after 5 minutes")


def measure_own_code(base: str, headers: dict[str, str], where: str, goal: str) -> None:
    """Measure what a person's own component adds to a flow, beside the same flow without it."""
    echo = f"{base}/api/v1/run/{saved(base, headers, echo_flow())}"
    own = f"{base}/api/v1/run/{saved(base, headers, with_code(SOURCE, 'Sample'))}"
    said = {"input_value": "hello"}
    first = once(own, headers, said)
    # In turns, so that whatever else the machine does meets both.
    pairs = [(milliseconds(echo, headers, said, 50), milliseconds(own, headers, said, 50)) for _ in range(5)]
    added = statistics.median(with_it - without for without, with_it in pairs)
    say(f"a person's own component {where}, the first run", f"{first:.0f} ms")
    say(f"a person's own component {where}, later runs", f"{added:.2f} ms more", goal)


def once(url: str, headers: dict[str, str], body: dict[str, Any]) -> float:
    """Return how long one request takes, milliseconds."""
    begun = time.perf_counter()
    httpx2.post(url, json=body, headers=headers, timeout=60).raise_for_status()
    return (time.perf_counter() - begun) * 1000


def measure_webhooks(base: str, headers: dict[str, str]) -> None:
    """Measure webhooks: how fast they are accepted, each committed, while those before them run."""
    url = f"{base}/api/v1/webhook/{saved(base, headers, echo_flow())}"
    request = request_bytes(url, headers, {"hello": 1})
    done = asyncio.run(load(url, request, connections=32, requests=1000, status=202))
    if done.failures:
        raise RuntimeError("a webhook was refused")
    say("webhooks accepted, 32 connections", f"{done.rate:.0f} a second", "committed before the 202")


def measure_visitors(base: str, headers: dict[str, str], visitors: int) -> None:
    """Measure visitors of one public flow, all at once, each in a session of their own."""
    made = {"name": f"public {uuid.uuid4()}", "data": echo_flow(), "access_type": "PUBLIC"}
    flow_id = httpx2.post(f"{base}/api/v1/flows/", json=made, headers=headers, timeout=60).json()["id"]
    url = f"{base}/api/v1/build_public_tmp/{flow_id}/flow?event_delivery=direct"

    async def visit(client: httpx2.AsyncClient, who: int) -> float:
        begun = time.perf_counter()
        cookie = {"cookie": f"client_id=visitor-{who}"}
        answer = await client.post(url, json={"inputs": {"input_value": "hi"}}, headers=cookie)
        answer.raise_for_status()
        return time.perf_counter() - begun

    async def all_of_them() -> list[float]:
        limits = httpx2.Limits(max_connections=visitors)
        async with httpx2.AsyncClient(timeout=120, limits=limits) as client:
            return list(await asyncio.gather(*(visit(client, i) for i in range(visitors))))

    begun = time.perf_counter()
    took = sorted(asyncio.run(all_of_them()))
    whole = time.perf_counter() - begun
    say(
        f"{visitors} watchers of one public flow, at once",
        f"all answered in {whole:.1f} s; median {took[len(took) // 2]:.2f} s, the client's share included",
    )


def measure_messages(count: int, database_url: str | None) -> None:
    """Measure pages of messages with 1,000 of them and with many."""
    took: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as name:
        for folder, rows in ((Path(name) / "few", 1000), (Path(name) / "many", count)):
            more = {"LANGFLOW_DATABASE_URL": database_url} if database_url else {}
            with headrace(folder, **more):
                pass
            ids = fill(folder, database_url, rows)
            with headrace(folder, **more) as served:
                headers = key_of(served.base, "admin", PASSWORD)
                took.append(
                    {what: milliseconds(served.base + path, headers, None, 20) for what, path in pages(ids).items()}
                )
    for what, many in took[1].items():
        few = took[0][what]
        say(f"100 messages: {what}", f"{few:.1f} ms of 1000; {many:.1f} ms of {count}", "about the same")


def measure_growth(served: Served, headers: dict[str, str], runs: int) -> None:
    """Measure memory before and after many runs."""
    url = f"{served.base}/api/v1/run/{saved(served.base, headers, echo_flow())}"
    request = request_bytes(url, headers, {"input_value": "hello"})
    asyncio.run(load(url, request, connections=32, requests=2000))
    before = served.resident_mb()
    asyncio.run(load(url, request, connections=32, requests=runs))
    say(f"resident memory over {runs} runs", f"{before:.0f} → {served.resident_mb():.0f} MB", "no growth")


def main() -> None:
    """Print the figures as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", help="measure another server, on loopback")
    parser.add_argument("--username", default="admin")
    parser.add_argument("--password", default=PASSWORD)
    parser.add_argument("--runs", type=int, default=10_000, help="runs for the growth of memory")
    parser.add_argument("--messages", type=int, default=1_000_000, help="messages that pages are taken of")
    parser.add_argument("--database-url", help="an empty PostgreSQL database for the messages")
    parser.add_argument("--only", choices=["runs", "messages"], help="measure these alone")
    asked = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n\n| figure | measured | goal |\n| --- | --- | --- |"
    )
    if asked.base_url is None:
        if asked.only != "messages":
            measure_headrace(asked.runs)
        if asked.only != "runs":
            measure_messages(asked.messages, asked.database_url)
        return
    if urlsplit(asked.base_url).hostname not in {"127.0.0.1", "localhost", "::1"}:
        parser.error("--base-url takes a server on this machine only")
    measure_runs(asked.base_url, key_of(asked.base_url, asked.username, asked.password), None)


if __name__ == "__main__":
    main()
