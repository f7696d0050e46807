"""A server in a process of its own, as an operator starts it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import PASSWORD

RUN = "from headrace.cli import main; main()"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(
    port: int, folder: Path, database_url: str | None = None, *, before: tuple[str, ...] = (), **settings: str
) -> subprocess.Popen[bytes]:
    """Start a server and return once it listens; `before` is a command that ends by running the server's."""
    environment = {
        **os.environ,
        "LANGFLOW_CONFIG_DIR": str(folder),
        "LANGFLOW_AUTO_LOGIN": "false",
        "LANGFLOW_SUPERUSER": "admin",
        "LANGFLOW_SUPERUSER_PASSWORD": PASSWORD,
        **({"LANGFLOW_DATABASE_URL": database_url} if database_url else {}),
        **settings,
    }
    process = subprocess.Popen(
        [*before, sys.executable, "-c", RUN, "run", "--port", str(port)], env=environment, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert b"listens on" in process.stdout.readline()
    return process


@contextlib.contextmanager
def running(folder: Path, database_url: str | None = None, **options: object) -> Iterator[tuple[str, int]]:
    """Run a server and yield its address and process id."""
    port = free_port()
    process = start(port, folder, database_url, **options)  # type: ignore[arg-type]
    try:
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(20)
