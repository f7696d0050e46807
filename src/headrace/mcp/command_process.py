"""Start and stop the local command of an MCP server, in a folder of its own and under a supervisor that limits it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import HeadraceError
from headrace.mcp.command_log import CommandLog
from headrace.mcp.command_main import EXIT_MEMORY, EXIT_NOT_STARTED, EXIT_PROCESSES

if TYPE_CHECKING:
    from headrace.mcp.limits import McpLimits
    from headrace.mcp.server_config import McpServer

#: Time for a command to end after its standard input is closed, in seconds. Then it is killed.
EXIT_GRACE_SECONDS = 1.0
FOLDER_PREFIX = "headrace-mcp-"
_SUPERVISOR = Path(__file__).with_name("command_main.py")


class CommandStartError(HeadraceError):
    """The command of an MCP server cannot be started."""


class CommandProcess:
    """A local command with the configured environment and PATH, and nothing else of the server's environment."""

    def __init__(self, server: McpServer, limits: McpLimits) -> None:
        self._server = server
        self._limits = limits
        self._folder = ""
        self._lifeline = -1
        self._process: asyncio.subprocess.Process | None = None
        self._log_task: asyncio.Task[None] | None = None
        self._reason: str | None = None

    async def start(self) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
        """Start the command and return its standard input and output.

        Raises:
            CommandStartError: the command was not found.

        """
        environment = {"PATH": os.environ.get("PATH", os.defpath), **self._server.environment}
        program = shutil.which(self._server.command, path=environment["PATH"])
        if program is None:
            raise CommandStartError(
                f"The command {self._server.command!r} of the MCP server {self._server.name} was not found. Install it on "
                "the server, or enter its full path."
            )
        self._folder = await asyncio.to_thread(tempfile.mkdtemp, prefix=FOLDER_PREFIX)
        lifeline, self._lifeline = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-S", "-B", str(_SUPERVISOR), str(lifeline)),
                *(str(self._limits.command_memory_mib << 20), str(self._limits.command_processes)),
                program,
                *self._server.arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(lifeline,),
                cwd=self._folder,
                env=environment,
                start_new_session=True,
                limit=self._limits.message_mib << 20,
            )
        finally:
            os.close(lifeline)
        process = self._process
        assert process.stdin is not None  # noqa: S101 - opened as a pipe, like the others
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        log = CommandLog(self._server.name, self._server.environment.values())
        self._log_task = asyncio.create_task(log.forward(process.stderr))
        return process.stdin, process.stdout

    def kill(self, reason: str) -> None:
        """End the command. Open calls fail with the first reason."""
        self._reason = self._reason or reason
        self._release_lifeline()

    async def wait_for_reason(self) -> str:
        """Return why the command has ended, or an empty text if it runs."""
        if self._process is None:
            return ""
        # Its output ends before its exit status is known.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), EXIT_GRACE_SECONDS)
        if self._reason is not None:
            return self._reason
        status = self._process.returncode
        if status == EXIT_MEMORY:
            return (
                f"it used more than {self._limits.command_memory_mib} MiB of memory. An operator can raise "
                "HEADRACE_MCP_COMMAND_MEMORY_MIB"
            )
        if status == EXIT_PROCESSES:
            return (
                f"it started more than {self._limits.command_processes} processes. An operator can raise "
                "HEADRACE_MCP_COMMAND_PROCESSES"
            )
        if status == EXIT_NOT_STARTED:
            return "its command could not be started. The server's log has the reason"
        return "" if status is None else f"its command ended with status {status}. The server's log has its output"

    async def close(self) -> None:
        """End the command with its descendants, and delete its folder."""
        process = self._process
        if process is not None and process.returncode is None:
            if process.stdin is not None:
                process.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), EXIT_GRACE_SECONDS)
            self._release_lifeline()
            await process.wait()
        self._release_lifeline()
        if self._log_task is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._log_task, EXIT_GRACE_SECONDS)
        if self._folder:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def _release_lifeline(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
