"""The first of several server processes, which starts the others and watches them."""

from __future__ import annotations

import typer
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

#: How often the supervisor checks whether its processes serve requests, in seconds.
READY_INTERVAL_SECONDS = 0.1


class Supervisor(Multiprocess):
    """uvicorn's supervisor, with a line on standard output once all processes serve requests."""

    announcement = ""

    @property
    def has_failed(self) -> bool:
        """Whether a process could not start."""
        return any(process.exitcode == STARTUP_FAILURE for process in self.processes)

    def init_processes(self) -> None:
        """Start the processes and wait until they serve requests, one of them fails, or a signal arrives."""
        super().init_processes()
        for process in self.processes:
            while not process.is_ready(timeout=1):
                self.handle_signals()
                if self.should_exit.wait(READY_INTERVAL_SECONDS) or not process.process.is_alive():
                    return
        typer.echo(self.announcement)
