"""Stop the server gracefully: on a signal, runs have time to end before connections are closed."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

    from headrace.api.dependencies import Services

log = logging.getLogger(__name__)

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

#: Time for responses to reach their clients after the runs have ended, in seconds.
FLUSH_SECONDS = 5


class GracefulStop:
    """Ends the runs of a server process after a stop signal, and then passes the signal on to uvicorn.

    uvicorn would stop listening at once. Until the runs have ended, new ones are refused with a response instead.
    """

    def __init__(self, services: Services, *, last_signal: signal.Signals | None = None) -> None:
        """Create the stop.

        Args:
            services: The services of the process.
            last_signal: The signal that uvicorn receives and ends the process with; by default, the one that was sent.

        """
        self._services = services
        self._last_signal = last_signal
        self._loop = asyncio.get_running_loop()
        self._handlers: dict[int, Any] = {}
        self._stopping: asyncio.Task[None] | None = None
        self._is_urgent = asyncio.Event()

    def install(self) -> None:
        """Handle the signals of this process. Does nothing in a thread that receives none."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in STOP_SIGNALS:
            self._handlers[number] = signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self._start, number, frame)

    def _start(self, number: int, frame: FrameType | None) -> None:
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop(number, frame), name="graceful-stop")
        elif number == signal.SIGINT:
            # A terminal sends SIGINT to all processes, and the first process then sends SIGTERM: only a repeated Ctrl+C counts.
            self._is_urgent.set()

    async def _stop(self, number: int, frame: FrameType | None) -> None:
        try:
            await self._services.shutdown.stop_runs(self._is_urgent)
        except Exception:
            log.exception("The runs could not be ended in order")
        finally:
            for handled, handler in self._handlers.items():
                signal.signal(handled, handler)
            last_signal = self._last_signal or number
            handler = self._handlers[last_signal]
            if callable(handler):
                handler(last_signal, frame)
            else:
                signal.raise_signal(last_signal)
