"""Voice sessions with a realtime model: the latency that headrace adds to the first audio, alone and in many sessions."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx2
import orjson
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.api import ApiClient
from benchmarks.flows import echo_flow
from benchmarks.options import BenchOptions
from benchmarks.report import print_row
from benchmarks.servers import PASSWORD, start_headrace, start_model_server

SESSIONS = 50
#: Turns of one session alone, and of each of many sessions.
TURNS = 100
TURNS_OF_MANY = 10
#: The time between two turns of one of many sessions, in seconds. An answer has two seconds of audio.
TURN_INTERVAL_SECONDS = 2.0
_CREATE = orjson.dumps({"type": "response.create"}).decode()


def measure_voice(_options: BenchOptions) -> None:
    """Measure the time to the first audio, directly at the model server and through headrace, on SQLite."""
    with tempfile.TemporaryDirectory() as name, start_model_server() as models:
        model_url = f"{models.base_url.replace('http', 'ws', 1)}/v1/realtime"
        with start_headrace(Path(name), HEADRACE_VOICE_REALTIME_URL=model_url) as server:
            client = ApiClient(server.base_url, "admin", PASSWORD)
            variable = {"name": "OPENAI_API_KEY", "value": "bench", "type": "Credential", "default_fields": []}
            httpx2.post(
                f"{server.base_url}/api/v1/variables/", json=variable, headers=client.headers
            ).raise_for_status()
            flow_id = client.create_flow(echo_flow(client.templates()))
            url = f"{server.base_url.replace('http', 'ws', 1)}/api/v1/voice/ws/flow_as_tool/{flow_id}"
            direct = statistics.median(asyncio.run(_measure_session(model_url, {}, TURNS)))
            added = statistics.median(asyncio.run(_measure_session(url, client.headers, TURNS))) - direct
            print_row("first audio of a voice session", f"{added:.2f} ms more than from the model", "< 10 ms more")
            before = server.resident_mib()
            latencies, peak = asyncio.run(_measure_many(url, client.headers, server.resident_mib))
            slowest = statistics.quantiles(latencies, n=20)[-1]
            print_row(
                f"first audio in {SESSIONS} voice sessions",
                f"median {statistics.median(latencies) - direct:.2f} ms more, 95 % within {slowest - direct:.2f} ms more",
                "< 10 ms more",
            )
            print_row("memory of a voice session", f"{(peak - before) / SESSIONS:.2f} MiB")


async def _measure_session(url: str, headers: Mapping[str, str], turns: int, interval: float = 0.0) -> list[float]:
    """Return the time to the first audio of each turn, in milliseconds."""
    async with connect(url, additional_headers=headers, compression=None, proxy=None) as socket:
        await _take_turn(socket)
        latencies = []
        for _ in range(turns):
            await asyncio.sleep(interval)
            latencies.append(await _take_turn(socket))
        return latencies


async def _take_turn(socket: ClientConnection) -> float:
    started_at = time.perf_counter()
    await socket.send(_CREATE)
    first = 0.0
    async for message in socket:
        event_type = orjson.loads(message)["type"]
        if not first and event_type.endswith("audio.delta"):
            first = (time.perf_counter() - started_at) * 1000
        if event_type == "response.done":
            return first
        if event_type == "error":
            raise RuntimeError(f"The session failed: {message!r}")
    raise RuntimeError("The session ended during a turn.")


async def _measure_many(
    url: str, headers: Mapping[str, str], resident_mib: Callable[[], float]
) -> tuple[list[float], float]:
    """Return the times to the first audio of many sessions at the same time, and the memory of the server meanwhile."""
    peak = 0.0

    async def talk(number: int) -> list[float]:
        # People do not speak at the same moment.
        await asyncio.sleep(number * TURN_INTERVAL_SECONDS / SESSIONS)
        return await _measure_session(url, headers, TURNS_OF_MANY, TURN_INTERVAL_SECONDS)

    async def watch() -> None:
        nonlocal peak
        await asyncio.sleep(TURN_INTERVAL_SECONDS * TURNS_OF_MANY / 2)
        peak = float(await asyncio.to_thread(resident_mib))

    watching = asyncio.create_task(watch())
    results = await asyncio.gather(*(talk(number) for number in range(SESSIONS)))
    await watching
    return [latency for session in results for latency in session], peak
