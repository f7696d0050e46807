"""Servers as processes, for measuring from outside."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil

PASSWORD = "bench-password"


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: its address, its process, and the seconds that its start took."""

    base: str
    pid: int
    start_seconds: float

    def resident_mb(self) -> float:
        """Return the resident memory of the server and its children, MB."""
        process = psutil.Process(self.pid)
        return float(sum(p.memory_info().rss for p in [process, *process.children(recursive=True)]) / 1e6)


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process(command: list[str], probe: str, port: int, environment: dict[str, str]) -> Iterator[Served]:
    """Run a server and yield it once `probe` answers 200."""
    base = f"http://127.0.0.1:{port}"
    begun = time.perf_counter()
    child = subprocess.Popen([sys.executable, *command], env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    try:
        while time.perf_counter() - begun < 60:
            with contextlib.suppress(OSError, httpx2.HTTPError):
                if httpx2.get(base + probe).status_code == 200:
                    break
            if child.poll() is not None:
                raise RuntimeError(f"{command} ended with {child.returncode}")
            time.sleep(0.01)
        yield Served(base, child.pid, time.perf_counter() - begun)
    finally:
        child.terminate()
        child.wait(20)


def headrace(folder: Path, **more: str) -> contextlib.AbstractContextManager[Served]:
    """Run headrace on an empty folder."""
    port = free_port()
    environment = {
        "LANGFLOW_CONFIG_DIR": str(folder),
        "LANGFLOW_AUTO_LOGIN": "false",
        "LANGFLOW_SUPERUSER": "admin",
        "LANGFLOW_SUPERUSER_PASSWORD": PASSWORD,
        "LANGFLOW_SSRF_ALLOWED_HOSTS": "127.0.0.1",
        **more,
    }
    return process(
        ["-c", "from headrace.cli import main; main()", "run", "--port", str(port)], "/health_check", port, environment
    )


def bare(folder: Path) -> contextlib.AbstractContextManager[Served]:
    """Run the bare endpoint."""
    port = free_port()
    command = [
        "-m",
        "uvicorn",
        "--factory",
        "benchmarks.limit:create",
        "--port",
        str(port),
        "--log-level",
        "critical",
        "--no-access-log",
    ]
    return process(command, "/openapi.json", port, {"BENCH_FOLDER": str(folder)})


def model() -> contextlib.AbstractContextManager[Served]:
    """Run the model server that answers at once."""
    port = free_port()
    command = [
        "-m",
        "uvicorn",
        "--factory",
        "tests.model_server:model_app",
        "--port",
        str(port),
        "--log-level",
        "critical",
        "--no-access-log",
    ]
    return process(command, "/openapi.json", port, {})
