"""A server in a separate process, started as an operator starts it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conftest import PASSWORD, SHARED_SECRET_KEY

COMMAND = "from headrace.cli import main; main()"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(
    port: int,
    folder: Path,
    database_url: str | None = None,
    *,
    before: tuple[str, ...] = (),
    log: Path | None = None,
    **settings: Any,
) -> subprocess.Popen[bytes]:
    """Start a server and return its process once it listens.

    Args:
        port: the port on the loopback address.
        folder: the configuration folder.
        database_url: a PostgreSQL database; None for SQLite.
        before: a command prefix, such as `unshare`.
        log: a file for the log; None for the standard error stream of the tests.
        settings: environment variables.

    """
    environment = {
        **os.environ,
        "LANGFLOW_CONFIG_DIR": str(folder),
        "LANGFLOW_AUTO_LOGIN": "false",
        "LANGFLOW_SUPERUSER": "admin",
        "LANGFLOW_SUPERUSER_PASSWORD": PASSWORD,
        # Runs that an attack left behind need not end on their own.
        "HEADRACE_SHUTDOWN_GRACE_SECONDS": "1",
        "LANGFLOW_POOL_SIZE": "2",
        "LANGFLOW_MAX_OVERFLOW": "10",
        **({"LANGFLOW_DATABASE_URL": database_url, "LANGFLOW_SECRET_KEY": SHARED_SECRET_KEY} if database_url else {}),
        **settings,
    }
    command = [*before, sys.executable, "-c", COMMAND, "run", "--port", str(port)]
    with log.open("wb") if log is not None else contextlib.nullcontext() as errors:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors)
    assert process.stdout is not None
    assert b"listens on" in process.stdout.readline()
    return process


@contextlib.contextmanager
def running(folder: Path, database_url: str | None = None, **options: Any) -> Iterator[tuple[str, int]]:
    """Run a server and yield its address and process id."""
    port = free_port()
    process = start(port, folder, database_url, **options)
    try:
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            # It would keep its port, and the files of the tests that follow.
            process.kill()
            process.wait()
            raise
