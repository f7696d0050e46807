"""Watch a worker process from outside and stop it if it exceeds a limit or runs code for an ended run.

The kernel enforces the limits of `limits.apply_limits` inside the process. The watchdog enforces limits that the kernel does not
have, and those that code could evade: it reads /proc, and does not rely on what the process says.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from headrace.errors import HeadraceError
from headrace.isolation.host.process_usage import read_usage

if TYPE_CHECKING:
    from headrace.isolation.host.call_meter import CallMeter
    from headrace.isolation.host.process import WorkerProcess
    from headrace.isolation.host.process_usage import ProcessUsage
    from headrace.isolation.limits import ResourceLimits
    from headrace.isolation.rpc.connection import RpcConnection

#: Time between two measurements of a worker with open calls, in seconds: at most 100 MiB of memory at 1 GiB per second.
BUSY_POLL_SECONDS = 0.1
#: Time between two measurements of a worker without open calls, in seconds.
IDLE_POLL_SECONDS = 0.5
#: Time between two checks of the disk quota and of threads that outlive their run, in seconds.
FULL_CHECK_SECONDS = 2.0
#: Time for the process to answer a request for its status, in seconds.
STATUS_TIMEOUT_SECONDS = 5.0
#: Consecutive full checks that may find threads at work although no call is open.
MAX_ORPHAN_CHECKS = 4
#: Part of the memory limit that the process may exceed before the watchdog stops it. The kernel's limit inside the process comes
#: first, with an error that code can handle.
MEMORY_TOLERANCE = 1.1


class Watchdog:
    """Polls one worker until its process ends."""

    def __init__(
        self, process: WorkerProcess, connection: RpcConnection, limits: ResourceLimits, calls: CallMeter
    ) -> None:
        """Create a watchdog; `run` starts it.

        Args:
            process: the process to stop.
            connection: requests the number of threads at work in the process.
            limits: the limits of the process.
            calls: distributes the processor time among the open calls.

        """
        self._process = process
        self._connection = connection
        self._limits = limits
        self._calls = calls
        #: CPU seconds of the process when its last call ended; None while a call is open.
        self._idle_baseline: float | None = None
        #: Consecutive checks that found threads at work although no call was open.
        self._orphan_checks = 0

    async def run(self) -> None:
        """Check the worker until its process ends."""
        since_full_check = 0.0
        while not self._process.ended:
            pause = BUSY_POLL_SECONDS if self._calls.open_calls else IDLE_POLL_SECONDS
            await asyncio.sleep(pause)
            since_full_check += pause
            usage = read_usage(self._process.pid)
            if usage is not None:
                self._check_usage(usage)
            if since_full_check >= FULL_CHECK_SECONDS:
                since_full_check = 0.0
                await self._check_disk()
                await self._check_orphans()

    def _check_usage(self, usage: ProcessUsage) -> None:
        limits = self._limits
        self._calls.add(usage.cpu_seconds)
        if max(self._calls.longest_seconds(), self._idle_seconds(usage.cpu_seconds)) >= limits.cpu_seconds:
            self._process.kill(
                f"The code used the processor for {limits.cpu_seconds:g} s in one call and was stopped. An operator can raise "
                "HEADRACE_CODE_CPU_SECONDS."
            )
        if usage.memory_mib > limits.memory_mib * MEMORY_TOLERANCE:
            self._process.kill(
                f"The code used more memory than the {limits.memory_mib} MiB that isolated code may use, and was stopped. An "
                "operator can raise HEADRACE_CODE_MEMORY_MIB."
            )
        if usage.threads > limits.max_threads:
            self._process.kill(
                f"The code started more than {limits.max_threads} threads and was stopped. An operator can raise "
                "HEADRACE_CODE_MAX_THREADS."
            )

    async def _check_disk(self) -> None:
        if await self._process.exceeds_disk_quota():
            self._process.kill(
                f"The code wrote more than {self._limits.max_folder_mib} MiB into its folder and was stopped. "
                "An operator can raise HEADRACE_CODE_MAX_FOLDER_MIB."
            )

    async def _check_orphans(self) -> None:
        """Stop a process with threads that outlive their call: they occupy the worker and serve no run."""
        if self._calls.open_calls:
            self._orphan_checks = 0
            return
        try:
            async with asyncio.timeout(STATUS_TIMEOUT_SECONDS):
                busy = (await self._connection.request("get_status", {}))["busy_threads"]
        except TimeoutError:
            # Code that holds the interpreter's lock keeps the worker from answering.
            busy = True
        except HeadraceError:
            return
        self._orphan_checks = self._orphan_checks + 1 if busy and not self._calls.open_calls else 0
        if self._orphan_checks > MAX_ORPHAN_CHECKS:
            self._process.kill("Code was still running after its run had ended, and its worker process was stopped.")

    def _idle_seconds(self, cpu_seconds: float) -> float:
        """Return the CPU time that the process has used since its last call ended, in seconds."""
        if self._calls.open_calls:
            self._idle_baseline = None
            return 0.0
        self._idle_baseline = cpu_seconds if self._idle_baseline is None else self._idle_baseline
        return cpu_seconds - self._idle_baseline
