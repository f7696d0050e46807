"""What a server's processes use, to find leaks and stuck tasks."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from tests.support.server_processes import resident_bytes

#: How long the processor time of a server is measured, in seconds.
_MEASURED_SECONDS = 3.0
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ProcessState:
    """The resources of a server and its child processes while nobody sends requests."""

    resident_mib: int
    threads: int
    open_files: int
    #: Part of one processor that is in use, 0 for an idle server.
    load: float

    @classmethod
    def of(cls, pid: int) -> ProcessState:
        """Return the present state; takes a few seconds."""
        before = _processor_seconds(pid)
        threading.Event().wait(_MEASURED_SECONDS)
        load = (_processor_seconds(pid) - before) / _MEASURED_SECONDS
        folders = [Path(f"/proc/{p}") for p in _process_tree(pid)]
        threads = sum(len(list((folder / "task").iterdir())) for folder in folders)
        open_files = sum(len(list((folder / "fd").iterdir())) for folder in folders)
        return cls(resident_bytes(pid) >> 20, threads, open_files, round(load, 3))


def _process_tree(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def _processor_seconds(pid: int) -> float:
    total = 0
    for process in _process_tree(pid):
        # The name in parentheses may contain spaces; the fields after it do not.
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS_PER_SECOND
