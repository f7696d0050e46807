"""The processes of a running server: their memory, and connections to each of them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import httpx2
import psutil

from tests.support.waiting import until

#: How long several processes may take to start on a busy machine.
START_SECONDS = 60
#: A process that accepts connections answers within this time. The server replaces processes that are stopped for 5 seconds.
_ANSWER_SECONDS = 1


def server_processes(pid: int, count: int) -> list[int]:
    """Return the ids of the processes that accept connections.

    Args:
        pid: the process that was started.
        count: the number of server processes.

    """
    if count == 1:
        return [pid]

    def found() -> list[int]:
        return [c.pid for c in psutil.Process(pid).children() if any("spawn_main" in part for part in c.cmdline())]

    until(lambda: len(found()) == count, START_SECONDS)
    return found()


def connect_to_each(base_url: str, pids: Sequence[int], headers: dict[str, str]) -> list[httpx2.Client]:
    """Return a client for each process, with an open connection to it."""
    clients = []
    for pid in pids:
        others = [other for other in pids if other != pid]
        clients.append(until(partial(_connect, base_url, others, headers), START_SECONDS))
    return clients


def _connect(base_url: str, others: Sequence[int], headers: dict[str, str]) -> httpx2.Client | None:
    """Return a client with a connection to the process that is not one of `others`, or None if it does not answer yet."""
    client = httpx2.Client(base_url=base_url, headers=headers, timeout=60)
    # The processes accept connections from the same socket. The others are stopped for a moment, so that they do not.
    with _stopped(others), contextlib.suppress(httpx2.TimeoutException):
        assert client.get("/health", timeout=_ANSWER_SECONDS if others else START_SECONDS).status_code == 200
        return client
    client.close()
    return None


@contextlib.contextmanager
def _stopped(pids: Sequence[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and its descendants, in bytes."""
    total = 0
    pending = [pid]
    while pending:
        process = Path(f"/proc/{pending.pop()}")
        try:
            status = (process / "status").read_text()
            for task in (process / "task").iterdir():
                pending += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
        for line in status.splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) << 10
    return total
