"""Start and stop the operating system process of a worker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import orjson

from headrace.isolation.host.disk_usage import exceeds_quota
from headrace.isolation.host.output_log import OutputLog
from headrace.isolation.host.worker_folder import WorkerFolder
from headrace.isolation.limits import MAX_FILES, START_FAILURE_PREFIX

if TYPE_CHECKING:
    from headrace.isolation.limits import ResourceLimits

#: Connected, and keeps the boundaries of packets. Only Linux has this type for local sockets.
_PACKET_SOCKET = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_DGRAM
#: Time for a process to exit by itself after it has closed its connection, in seconds.
EXIT_GRACE_SECONDS = 1.0


class WorkerProcess:
    """A process with its own temporary folder and an environment without any variable of the server."""

    def __init__(self, limits: ResourceLimits) -> None:
        """Create the folder; `start` starts the process."""
        self._limits = limits
        self._folder = WorkerFolder()
        self._process: asyncio.subprocess.Process | None = None
        self._output = OutputLog(limits.lines_per_second)
        self._output_ended = asyncio.Event()
        #: Whether the kernel limits the size of the worker's files.
        self.has_quota = False
        #: Why the process was stopped.
        self._reason: str | None = None

    async def start(self) -> tuple[socket.socket, socket.socket]:
        """Start the process and return the server's ends of its sockets: the RPC connection and the network channel."""
        channel, worker_channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        network, worker_network = socket.socketpair(socket.AF_UNIX, _PACKET_SOCKET)
        with worker_channel, worker_network:
            fds = (worker_channel.fileno(), worker_network.fileno())
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-B", "-X", "utf8", "-m", "headrace.isolation.guest.worker_main"),
                *map(str, fds),
                orjson.dumps(asdict(self._limits)).decode(),
                str(os.getpid()),
                pass_fds=fds,
                cwd=self._folder.name,
                env=_environment(self._folder.name),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        return channel, network

    @property
    def pid(self) -> int:
        """The process id, or 0 before the start."""
        return self._process.pid if self._process is not None else 0

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process is not None and self._process.returncode is not None

    @property
    def killed(self) -> bool:
        """Whether the server has stopped the process."""
        return self._reason is not None

    def kill(self, reason: str) -> None:
        """Stop the process. Open calls fail with the first reason."""
        self._reason = self._reason or reason
        self.terminate()

    def terminate(self) -> None:
        """Send SIGKILL to the process if it is running."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def wait_for_reason(self) -> str:
        """Wait until the process has ended and return why it ended."""
        code = await self._process.wait() if self._process is not None else 0
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._output_ended.wait(), EXIT_GRACE_SECONDS)
        status = signal.Signals(-code).name if code < 0 else f"status {code}"
        return (
            self._reason
            or self._start_failure()
            or f"The worker process of this user's components ended by itself ({status}). Run the flow again."
        )

    def _start_failure(self) -> str | None:
        """Return why the process could not be confined, or None if it was."""
        line = self._output.first_line or ""
        return line.removeprefix(START_FAILURE_PREFIX) if line.startswith(START_FAILURE_PREFIX) else None

    async def remove(self) -> None:
        """Wait until the process has ended, stopping it after `EXIT_GRACE_SECONDS`, and remove its folder."""
        if self._process is not None:
            # asyncio loses the exit status of a process that ends by itself while a signal is sent to it.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), EXIT_GRACE_SECONDS)
            self.terminate()
            await self._process.wait()
        await asyncio.to_thread(self._folder.remove)

    async def forward_output(self) -> None:
        """Log what the process prints until it ends."""
        pipe = self._process.stdout if self._process is not None else None
        try:
            if pipe is not None:
                await self._output.forward(pipe)
        finally:
            self._output_ended.set()

    async def exceeds_disk_quota(self) -> bool:
        """Return whether the process's files have more bytes than the limit, or its folder more than `MAX_FILES` files."""
        if self.has_quota:
            return False
        max_bytes = self._limits.max_folder_mib << 20
        return await asyncio.to_thread(exceeds_quota, self._folder.name, self.pid, max_bytes, MAX_FILES)


def _environment(folder: str) -> dict[str, str]:
    """Return the environment variables of a worker."""
    return {
        "HOME": folder,
        "TMPDIR": folder,
        "USER": "component",
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        # By default, these libraries start one thread per core.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }
