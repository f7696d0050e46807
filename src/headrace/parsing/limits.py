"""The limits of parsing in child processes."""

from __future__ import annotations

from dataclasses import dataclass

#: Maximum size of the input of one call: body and arguments, in bytes.
MAX_INPUT_BYTES = 32 << 20
#: Maximum size of the result of one call, in bytes.
MAX_RESULT_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class ParsingLimits:
    """Limits of a process pool and of each of its calls.

    Attributes:
        processes: processes at the same time.
        cpu_seconds: processor time of a call.
        regex_cpu_seconds: processor time of matching a regular expression.
        memory_mib: address space of a process.
        idle_seconds: time without a call after which a process is stopped.

    """

    processes: int = 5
    cpu_seconds: float = 10.0
    regex_cpu_seconds: float = 1.0
    memory_mib: int = 256
    idle_seconds: float = 60.0
