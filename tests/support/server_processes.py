"""The processes of a running server: their memory, and connections to each of them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import httpx2
import psutil

from tests.support.waiting import until

#: How long several processes may take to start on a busy machine.
START_SECONDS = 60


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


def has_ended(pid: int) -> bool:
    """Return whether a process has ended. Its parent may not know yet."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def connect_to_each(base_url: str, pids: Sequence[int], headers: dict[str, str]) -> list[httpx2.Client]:
    """Return a client for each process, with an open connection to it.

    The processes accept connections from the same socket, so connections are opened until each process has one.

    Raises:
        AssertionError: a process has ended.

    """
    clients: dict[int, httpx2.Client] = {}
    with contextlib.ExitStack() as superfluous:

        def connect() -> bool:
            ended = [pid for pid in pids if has_ended(pid)]
            assert not ended, f"The processes {ended} of the server have ended."
            client = httpx2.Client(base_url=base_url, headers=headers, timeout=60)
            pid = _connected_process(client, pids)
            if pid in clients:
                # It stays open for now: a process with fewer connections is likelier to accept the next one.
                superfluous.callback(client.close)
            else:
                clients[pid] = client
            return len(clients) == len(pids)

        until(connect, START_SECONDS)
    return [clients[pid] for pid in pids]


def _connected_process(client: httpx2.Client, pids: Sequence[int]) -> int:
    """Open the connection of a client and return the process that accepted it."""
    response = client.get("/health", timeout=START_SECONDS)
    assert response.status_code == 200, response.text
    if len(pids) == 1:
        return pids[0]
    _host, port = response.extensions["network_stream"].get_extra_info("client_addr")
    for pid in pids:
        if any(c.raddr and c.raddr.port == port for c in psutil.Process(pid).net_connections("tcp")):
            return pid
    raise AssertionError(f"No process of the server has the connection from port {port}.")


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
