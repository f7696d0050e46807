"""Server processes to measure from outside."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil

from benchmarks.limit import DATABASE_VARIABLE, MODEL_VARIABLE

PASSWORD = "bench-password"
START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 20
PROBE_INTERVAL_SECONDS = 0.01
#: The end of a server log that an error shows.
LOG_TAIL_BYTES = 4000


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A running server: its base URL, process id, and the time from its start to its first 200."""

    base_url: str
    pid: int
    start_seconds: float

    def resident_mib(self) -> float:
        """Return the resident memory of the process and its children, in MiB."""
        process = psutil.Process(self.pid)
        return float(sum(p.memory_info().rss for p in [process, *process.children(recursive=True)]) / 2**20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _start(command: list[str], port: int, health_path: str, environment: dict[str, str]) -> Iterator[ServerProcess]:
    """Start a server, yield it once its health path answers 200, and stop it."""
    base_url = f"http://127.0.0.1:{port}"
    # An installed server has its bytecode compiled.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started_at = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env={**inherited, **environment}, stdout=log, stderr=log)
        try:
            _wait_until_healthy(process, base_url + health_path, started_at + START_TIMEOUT_SECONDS)
            yield ServerProcess(base_url, process.pid, time.perf_counter() - started_at)
        except Exception as error:
            log.seek(0)
            error.add_note(f"Log of {command[0]}:\n{log.read()[-LOG_TAIL_BYTES:].decode(errors='replace')}")
            raise
        finally:
            process.terminate()
            process.wait(STOP_TIMEOUT_SECONDS)


def _wait_until_healthy(process: subprocess.Popen[bytes], url: str, deadline: float) -> None:
    with httpx2.Client() as client:
        while time.perf_counter() < deadline:
            with contextlib.suppress(OSError, httpx2.HTTPError):
                if client.get(url).status_code == 200:
                    return
            if process.poll() is not None:
                raise RuntimeError(f"{process.args!r} exited with code {process.returncode}.")
            time.sleep(PROBE_INTERVAL_SECONDS)
    raise TimeoutError(f"{url} did not answer 200 within {START_TIMEOUT_SECONDS} seconds.")


def start_headrace(
    folder: Path, database_url: str | None = None, **settings: str
) -> contextlib.AbstractContextManager[ServerProcess]:
    """Start headrace with its data in a folder, on SQLite unless there is a database URL."""
    port = _free_port()
    environment = {
        "LANGFLOW_CONFIG_DIR": str(folder),
        "LANGFLOW_AUTO_LOGIN": "false",
        "LANGFLOW_SUPERUSER": "admin",
        "LANGFLOW_SUPERUSER_PASSWORD": PASSWORD,
        "LANGFLOW_SSRF_ALLOWED_HOSTS": "127.0.0.1",
        **({"LANGFLOW_DATABASE_URL": database_url} if database_url else {}),
        **settings,
    }
    program = str(Path(sys.executable).with_name("headrace"))
    command = [program, "run", "--host", "127.0.0.1", "--port", str(port), "--backend-only", "--no-open-browser"]
    return _start(command, port, "/health_check", environment)


def start_limit(database: str, model_url: str) -> contextlib.AbstractContextManager[ServerProcess]:
    """Start the limit on a SQLite path or PostgreSQL URL."""
    return _start_app("benchmarks.limit:create_app", {DATABASE_VARIABLE: database, MODEL_VARIABLE: model_url})


def start_model_server() -> contextlib.AbstractContextManager[ServerProcess]:
    """Start the model server."""
    return _start_app("benchmarks.model_server:create_app", {})


def _start_app(factory: str, environment: dict[str, str]) -> contextlib.AbstractContextManager[ServerProcess]:
    port = _free_port()
    options = ["--port", str(port), "--log-level", "critical", "--no-access-log"]
    return _start([sys.executable, "-m", "uvicorn", "--factory", factory, *options], port, "/health", environment)
