"""A parsing process, as the server sees it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import Any

import orjson

from headrace.parsing.frames import PREFIX
from headrace.parsing.limits import MAX_RESULT_BYTES

#: The part of a response that is not limited by `MAX_RESULT_BYTES`: names and messages, in bytes.
_MAX_OVERHEAD_BYTES = 1 << 20
#: Environment of the processes: nothing of the server's.
_ENVIRONMENT = {"LANG": "C.UTF-8"}


class ProcessEndedError(Exception):
    """The process ended before it answered.

    Attributes:
        by_signal: the signal that ended it; None if it ended in another way.

    """

    def __init__(self, return_code: int) -> None:
        super().__init__(f"the parsing process ended with {return_code}")
        self.by_signal = signal.Signals(-return_code) if return_code < 0 else None


class ParsingProcess:
    """A child process that answers one request at a time."""

    def __init__(
        self, process: asyncio.subprocess.Process, requests: asyncio.StreamWriter, responses: asyncio.StreamReader
    ) -> None:
        """Take over a process and its pipes; `start` creates them."""
        self._process = process
        self._requests = requests
        self._responses = responses
        #: Whether the process has announced that it ends.
        self.is_finished = False

    @classmethod
    async def start(cls, memory_mib: int) -> ParsingProcess:
        """Start a process with a memory limit."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-B", "-X", "utf8", "-m", "headrace.parsing.child_main", str(memory_mib)),
            cwd="/",
            env=_ENVIRONMENT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("asyncio has created a process without the requested pipes")
        return cls(process, process.stdin, process.stdout)

    async def call(self, request: bytes) -> tuple[dict[str, Any], bytes]:
        """Send a frame and return header and body of the response.

        Raises:
            ProcessEndedError: the process ended, or its response is not valid.

        """
        try:
            self._requests.write(request)
            await self._requests.drain()
            header_size, body_size = PREFIX.unpack(await self._responses.readexactly(PREFIX.size))
            if header_size + body_size > MAX_RESULT_BYTES + _MAX_OVERHEAD_BYTES:
                self.kill()
                raise ProcessEndedError(await self._process.wait())
            header: dict[str, Any] = orjson.loads(await self._responses.readexactly(header_size))
            body = await self._responses.readexactly(body_size)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise ProcessEndedError(await self._process.wait()) from error
        self.is_finished = header["last"]
        return header, body

    @property
    def ended(self) -> bool:
        """Whether the process has ended. The event loop can learn of it later than the kernel, which is asked therefore."""
        if self._process.returncode is not None:
            return True
        try:
            # WNOWAIT leaves the exit status for the event loop.
            return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def kill(self) -> None:
        """Send SIGKILL to the process if it is running."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def wait(self) -> None:
        """Wait until the process has ended."""
        await self._process.wait()
