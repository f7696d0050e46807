"""What a worker process may use."""

from __future__ import annotations

import sys
from dataclasses import dataclass

#: Files, pipes and connections that are open at once.
OPEN_FILES = 256


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one user's worker process."""

    #: Memory that the process may hold, MiB.
    memory: int = 1024
    #: Processor time that one call may use, seconds.
    seconds: float = 60
    #: The largest file that it may write, MiB; all of its files together may take ten times as much.
    file: int = 100

    @property
    def folder(self) -> int:
        """What its folder may hold, bytes."""
        return 10 * self.file << 20


def apply_limits(limits: Limits) -> None:
    """Bind this process to its limits, for good. The time of a call is watched from outside."""
    if sys.platform == "win32":
        return
    import resource

    for kind, most in (
        # Private memory on Linux: unlike the address space, it leaves out what is reserved and never used.
        (resource.RLIMIT_DATA, limits.memory << 20),
        (resource.RLIMIT_FSIZE, limits.file << 20),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        _, hard = resource.getrlimit(kind)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (bound, bound))
