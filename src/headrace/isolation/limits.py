"""Resource limits of a worker process."""

from __future__ import annotations

import sys
from dataclasses import dataclass

#: Begins the line with which a worker reports that it cannot be confined.
START_FAILURE_PREFIX = "headrace: "
#: File descriptors that a worker may have open at the same time.
MAX_OPEN_FILES = 256
#: Files and folders in the working folder of a worker.
MAX_FILES = 10_000
#: Address space that a worker may reserve beyond its memory, in MiB. Libraries reserve more than they use; page tables of what is
#: read there take up to 1/512 of it.
MAX_RESERVED_MIB = 8192
#: Stack of the main thread, in bytes. RLIMIT_DATA does not count it.
MAX_STACK_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """Resource limits of one user's worker process."""

    #: Private memory of the process, in MiB.
    memory_mib: int = 1024
    #: CPU time of one call, in seconds.
    cpu_seconds: float = 60
    #: Size of one file, in MiB.
    max_file_mib: int = 100
    #: Total size of the files of the worker, in MiB.
    max_folder_mib: int = 256
    #: Threads of the process.
    max_threads: int = 128
    #: Printed lines that are logged per second, on average over ten seconds.
    lines_per_second: float = 100
    #: Size of one value to or from the worker, in MiB.
    max_value_mib: int = 64
    #: Texts, numbers, lists, objects and keys in one value.
    max_value_items: int = 1_000_000


def apply_limits(limits: ResourceLimits, *, counts_threads: bool) -> None:
    """Limit the resources of this process, permanently. The server's watchdog enforces them too, from outside.

    Args:
        limits: the limits.
        counts_threads: whether the kernel counts the threads of this process alone, and not all of its user.

    """
    if sys.platform == "win32":
        return
    import resource

    for kind, limit in (
        # On Linux, RLIMIT_DATA counts private memory. Unlike RLIMIT_AS, it leaves out memory that is reserved and unused.
        (resource.RLIMIT_DATA, limits.memory_mib << 20),
        (resource.RLIMIT_FSIZE, limits.max_file_mib << 20),
        (resource.RLIMIT_AS, limits.memory_mib + MAX_RESERVED_MIB << 20),
        (resource.RLIMIT_STACK, MAX_STACK_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
        *([(resource.RLIMIT_NPROC, limits.max_threads)] if counts_threads else []),
    ):
        _, hard_limit = resource.getrlimit(kind)
        bound = limit if hard_limit == resource.RLIM_INFINITY else min(limit, hard_limit)
        resource.setrlimit(kind, (bound, bound))
