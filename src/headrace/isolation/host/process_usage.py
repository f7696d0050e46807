"""Measure a worker process from outside, in /proc: processor time, memory and threads. Needs Linux."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

#: Fields of /proc/PID/status that count as the process's own memory, in KiB: anonymous and shared pages, pages on swap, and the
#: tables that map them. Pages of files, such as libraries, belong to the kernel's cache.
_MEMORY_FIELDS = frozenset({b"RssAnon", b"RssShmem", b"VmSwap", b"VmPTE"})
#: Fields of /proc/PID/stat after the name of the command: time in user mode and in the kernel, in ticks.
_USER_TICKS, _KERNEL_TICKS = 11, 12


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """The resource usage of a process."""

    #: Processor time since its start, in seconds.
    cpu_seconds: float
    #: Memory of its own, in MiB.
    memory_mib: float
    threads: int


def read_usage(pid: int) -> ProcessUsage | None:
    """Return the resource usage of a process, or None if it has ended or the system has no /proc."""
    folder = Path("/proc") / str(pid)
    try:
        stat, status = (folder / "stat").read_bytes(), (folder / "status").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name of the command, in parentheses, may contain spaces.
    ticks = stat[stat.rindex(b")") + 2 :].split()
    fields = dict(line.split(b":", 1) for line in status.splitlines())
    kib = sum(int(fields[name].split()[0]) for name in _MEMORY_FIELDS & fields.keys())
    seconds = (int(ticks[_USER_TICKS]) + int(ticks[_KERNEL_TICKS])) / os.sysconf("SC_CLK_TCK")
    return ProcessUsage(seconds, kib / 1024, int(fields.get(b"Threads", b"0")))
