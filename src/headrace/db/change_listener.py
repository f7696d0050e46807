"""Receives the changes of other processes on PostgreSQL, by LISTEN on a dedicated connection."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from headrace.db.changes import CHANNEL, parse_payload

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from headrace.db.changes import ChangeFeed

log = logging.getLogger(__name__)

#: Entries are loaded again after this time even while the listener is connected, in seconds.
CONNECTED_MAX_AGE_SECONDS = 60.0
#: The longest time that a change of another process goes unnoticed while the listener is not connected, in seconds.
DISCONNECTED_MAX_AGE_SECONDS = 1.0
#: The connection is tested this often, so that a silent network failure is noticed, in seconds.
PING_INTERVAL_SECONDS = 10.0
#: Seconds to wait before connecting again.
RECONNECT_SECONDS = 1.0


class PostgresChangeListener:
    """Feeds the notifications of one PostgreSQL connection to a `ChangeFeed`, and reconnects when it is lost."""

    def __init__(self, engine: AsyncEngine, changes: ChangeFeed) -> None:
        self._engine = engine
        self._changes = changes
        self._task: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()
        changes.max_age_seconds = DISCONNECTED_MAX_AGE_SECONDS

    def start(self) -> None:
        """Start listening in the background."""
        self._task = asyncio.create_task(self._run(), name="change-listener")

    async def stop(self) -> None:
        """Stop listening and close the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except Exception as error:
                log.warning("The connection for change notifications failed: %s", type(error).__name__)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self) -> None:
        """Deliver notifications until the connection is lost."""
        self._lost.clear()
        async with self._engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            driver.add_termination_listener(lambda _connection: self._lost.set())
            await driver.add_listener(CHANNEL, self._receive)
            # Changes before LISTEN took effect have been missed.
            self._changes.reset()
            self._changes.max_age_seconds = CONNECTED_MAX_AGE_SECONDS
            try:
                while not self._lost.is_set():
                    with contextlib.suppress(TimeoutError):
                        # Not `wait_for`, which may swallow a cancellation on Python 3.11.
                        async with asyncio.timeout(PING_INTERVAL_SECONDS):
                            await self._lost.wait()
                    if not self._lost.is_set():
                        await driver.execute("SELECT 1", timeout=PING_INTERVAL_SECONDS)
            finally:
                self._changes.max_age_seconds = DISCONNECTED_MAX_AGE_SECONDS
                self._changes.reset()
                if not driver.is_closed():
                    await driver.remove_listener(CHANNEL, self._receive)

    def _receive(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        try:
            self._changes.deliver([parse_payload(str(payload))])
        except ValueError:
            # A newer version of the server may know more topics.
            self._changes.reset()
