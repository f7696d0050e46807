"""Sustained loads from a process of their own: wrk if it is installed, else `benchmarks.client`."""

from __future__ import annotations

import dataclasses
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import orjson

from benchmarks.client import LoadRequest, LoadResult

#: Prints the result as one JSON line. Source: the scripting documentation of wrk, `SCRIPTING`.
_WRK_SCRIPT = """
wrk.method = {method}
wrk.body = {body}
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\\n{{"requests": %d, "microseconds": %d, "errors": %d, "p99_microseconds": %d}}\\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout, latency:percentile(99)))
end
"""


def load_generator() -> str:
    """Return the name of the program that generates load."""
    return "wrk" if shutil.which("wrk") else "benchmarks.client"


def sustain(request: LoadRequest, *, connections: int, seconds: float) -> LoadResult:
    """Repeat a request over concurrent connections for a time, in seconds."""
    if load_generator() == "wrk":
        return _run_wrk(request, connections, seconds)
    load = {"request": dataclasses.asdict(request), "connections": connections, "seconds": seconds}
    command = [sys.executable, "-m", "benchmarks.client"]
    output = subprocess.run(command, input=orjson.dumps(load), stdout=subprocess.PIPE, check=True).stdout
    return LoadResult(**orjson.loads(output))


def _run_wrk(request: LoadRequest, connections: int, seconds: float) -> LoadResult:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "load.lua"
        script.write_text(_wrk_script(request), encoding="utf-8")
        # wrk takes whole seconds.
        command = ["wrk", "-t1", f"-c{connections}", f"-d{math.ceil(seconds)}s", "--timeout", "60s", "-s", str(script)]
        headers = [item for name, value in request.headers.items() for item in ("-H", f"{name}: {value}")]
        output = subprocess.run([*command, *headers, request.url], stdout=subprocess.PIPE, check=True).stdout
    summary = orjson.loads(output.strip().splitlines()[-1])
    return LoadResult(
        requests=summary["requests"],
        seconds=summary["microseconds"] / 1e6,
        errors=summary["errors"],
        p99_ms=summary["p99_microseconds"] / 1000,
    )


def _wrk_script(request: LoadRequest) -> str:
    if request.body is None:
        return _WRK_SCRIPT.format(method='"GET"', body="nil")
    # A JSON string of a JSON text is a Lua string too: both escape quotes and backslashes with a backslash.
    body = orjson.dumps(orjson.dumps(request.body).decode()).decode()
    return _WRK_SCRIPT.format(method='"POST"', body=body) + 'wrk.headers["Content-Type"] = "application/json"\n'
