"""The orderly end of a server process: runs may finish within a grace period, and the others are stopped with an error."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.jobs.job_worker import JobWorker
    from headrace.runs.runner import Runner
    from headrace.services.mcp_server import McpServer

log = logging.getLogger(__name__)

#: How long a stopped run may take to tell its client and to store what happened, in seconds.
STOP_SECONDS = 5.0
#: How often it is checked whether runs are still active, in seconds.
POLL_INTERVAL_SECONDS = 0.05


class Shutdown:
    """Ends the runs of this process."""

    def __init__(self, runner: Runner, job_worker: JobWorker, mcp: McpServer, grace_seconds: float) -> None:
        """Create the shutdown.

        Args:
            runner: Knows the active runs.
            job_worker: Stops to claim jobs.
            mcp: Ends the streams of MCP clients, for which the end of the process would wait otherwise.
            grace_seconds: How long active runs may go on.

        """
        self._runner = runner
        self._job_worker = job_worker
        self._mcp = mcp
        self._grace_seconds = grace_seconds

    async def stop_runs(self, is_urgent: asyncio.Event) -> None:
        """Refuse new runs, wait for the active ones, and stop those that do not end in time.

        Args:
            is_urgent: When it is set, the remaining runs are stopped at once.

        """
        self._job_worker.stop_claiming()
        self._runner.refuse_runs()
        if self._runner.active_runs:
            log.info(
                "Stopping: %d runs have up to %g s to end. Ctrl+C stops them now",
                self._runner.active_runs,
                self._grace_seconds,
            )
            await self._wait_until_idle(self._grace_seconds, is_urgent)
        if self._runner.active_runs:
            log.warning("%d runs have not ended and are stopped", self._runner.active_runs)
            self._runner.stop_runs()
            await self._wait_until_idle(STOP_SECONDS)
        await self._mcp.close()

    async def _wait_until_idle(self, seconds: float, is_urgent: asyncio.Event | None = None) -> None:
        try:
            async with asyncio.timeout(seconds):
                while self._runner.active_runs and not (is_urgent and is_urgent.is_set()):  # noqa: ASYNC110 - runs signal no end
                    await asyncio.sleep(POLL_INTERVAL_SECONDS)
        except TimeoutError:
            return
