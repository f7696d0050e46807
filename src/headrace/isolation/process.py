"""A worker's process: started with nothing of the server's, heard while it prints, ended and cleared away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from headrace.isolation.limits import Limits

#: What people's own code prints.
printed = logging.getLogger("headrace.component_code")

#: The longest line of what code prints, bytes.
_LINE = 8192
#: Files that a process may keep.
MOST_FILES = 10_000


class WorkerProcess:
    """One process, and the folder that is its own."""

    def __init__(self, limits: Limits) -> None:
        """Set up; `start` starts it."""
        self._limits = limits
        self._folder = tempfile.TemporaryDirectory(prefix="headrace-code-", ignore_cleanup_errors=True)
        self._process: asyncio.subprocess.Process | None = None
        self._why: str | None = None

    async def start(self) -> tuple[socket.socket, socket.socket]:
        """Start it, and return the server's ends of its two channels: what it is asked, and its way to the network."""
        channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        network, theirs_too = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with theirs, theirs_too:
            fds = (theirs.fileno(), theirs_too.fileno())
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-B", "-X", "utf8", "-m", "headrace.isolation.child"),
                *map(str, fds),
                orjson.dumps(asdict(self._limits)).decode(),
                pass_fds=fds,
                cwd=self._folder.name,
                env=_environment(self._folder.name),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=_LINE,
            )
        return channel, network

    @property
    def ended(self) -> bool:
        """Whether it is no more."""
        return self._process is not None and self._process.returncode is not None

    @property
    def killed(self) -> bool:
        """Whether it was ended on purpose."""
        return self._why is not None

    def kill(self, why: str) -> None:
        """End it; what is asked of it fails with this reason, unless there was one before."""
        self._why = self._why or why
        self.end()

    def end(self) -> None:
        """End it, whatever it does."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def reason(self) -> str:
        """Wait for its end, and return why it came."""
        code = await self._process.wait() if self._process is not None else 0
        ended = signal.Signals(-code).name if code < 0 else f"status {code}"
        return self._why or f"The process of these components ended by itself ({ended}). Run it again."

    async def clear(self) -> None:
        """Wait for its end, and remove its folder."""
        if self._process is not None:
            await self._process.wait()
        await asyncio.to_thread(self._folder.cleanup)

    async def log_prints(self) -> None:
        """Put what its code prints into the log until it ends."""
        pipe = self._process.stdout if self._process is not None else None
        while pipe is not None:
            try:
                line = await pipe.readline()
            except ValueError:
                # Longer than a line may be: it is left out.
                continue
            if not line:
                return
            printed.info("%s", line.decode(errors="replace").rstrip())

    async def wrote_too_much(self) -> bool:
        """Return whether its folder holds more than it may, or more files than anybody needs."""
        return await asyncio.to_thread(_holds_more, self._folder.name, self._limits.folder)


def _environment(folder: str) -> dict[str, str]:
    """Return the environment of a worker: nothing of the server's own."""
    return {
        "HOME": folder,
        "TMPDIR": folder,
        "USER": "component",
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        # A thread a core is for programs that have the machine to themselves.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }


def _holds_more(folder: str, most: int) -> bool:
    total = files = 0
    for place, _, names in os.walk(folder):
        for name in names:
            files += 1
            with contextlib.suppress(OSError):
                total += (Path(place) / name).lstat().st_blocks * 512
            if total > most or files > MOST_FILES:
                return True
    return False
