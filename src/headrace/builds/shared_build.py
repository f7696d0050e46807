"""A build of another process, read from the shared log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import orjson

from headrace.builds.build import first_lines
from headrace.db import builds
from headrace.formats.langflow_build import end_event, error_event

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from headrace.db.database import Database

#: Interval at which the lines of other processes are read, in seconds. It grows while no line is new.
READ_INTERVAL_SECONDS = 0.1
MAX_READ_INTERVAL_SECONDS = 1.0
READ_INTERVAL_GROWTH = 1.3
#: A build whose process has sent no heartbeat for this time has ended, in seconds.
OWNER_TIMEOUT_SECONDS = 20.0
#: A line number beyond the last line of any build.
_AFTER_LAST_LINE = 10**9
#: How long `cancel` waits until the other process has stopped the build, in seconds.
CANCEL_TIMEOUT_SECONDS = 10.0


class SharedBuild:
    """A build that any process runs, with the interface of `Build`."""

    def __init__(self, database: Database, row: RowMapping) -> None:
        self._database = database
        self._row = row

    @property
    def owner(self) -> UUID:
        """The id of the flow's owner."""
        return UUID(str(self._row["user_id"]))

    async def follow(self, offset: int) -> AsyncIterator[bytes]:
        """Yield the lines from `offset` until the build ends."""
        ended = False
        interval = READ_INTERVAL_SECONDS
        while not ended:
            lines, ended = await self._read(offset)
            for line in lines:
                yield line
            offset += len(lines)
            if lines:
                interval = READ_INTERVAL_SECONDS
            elif not ended:
                await asyncio.sleep(interval)
                interval = min(interval * READ_INTERVAL_GROWTH, MAX_READ_INTERVAL_SECONDS)

    async def poll(self, offset: int | None, timeout: float) -> list[bytes]:  # noqa: ASYNC109 - an empty answer, not an error
        """Return the lines from `offset`, waiting for the first.

        Args:
            offset: The number of the first line; None to continue after the previous poll of any process.
            timeout: How long to wait for a line, in seconds.

        """
        start = self._row["polled"] if offset is None else offset
        deadline = time.monotonic() + timeout
        while True:
            lines, ended = await self._read(start)
            if lines or ended or time.monotonic() >= deadline:
                break
            await asyncio.sleep(READ_INTERVAL_SECONDS)
        lines = first_lines(lines, 0)
        if offset is None and lines:
            cursor = start + len(lines)
            await self._database.write(lambda c: builds.set_cursor(c, self._row["watcher"], self._row["id"], cursor))
        return lines

    async def cancel(self) -> None:
        """Request that the build's process cancels it, and wait until it has stopped."""
        await self._database.write(lambda c: builds.cancel(c, self._row["watcher"], self._row["id"]))
        deadline = time.monotonic() + CANCEL_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            _, ended = await self._read(_AFTER_LAST_LINE)
            if ended:
                return
            await asyncio.sleep(READ_INTERVAL_SECONDS)

    async def _read(self, offset: int) -> tuple[list[bytes], bool]:
        """Return lines from `offset`, and whether the build has ended and these are its last ones."""
        async with self._database.connect() as connection:
            row = await builds.get(connection, self._row["watcher"], self._row["id"])
            if row is None:
                return [], True
            texts, is_complete = await builds.read_lines(connection, self._row["id"], offset)
        lines = [text.encode() for text in texts]
        if not is_complete:
            return lines, False
        if row["ended"]:
            return lines, True
        if (datetime.now(UTC) - row["alive_at"]).total_seconds() > OWNER_TIMEOUT_SECONDS:
            return [*lines, *self._lost_process_lines()], True
        return lines, False

    def _lost_process_lines(self) -> list[bytes]:
        flow_id = str(self._row["flow_id"])
        error = error_event("The server that ran this build has stopped. Build the flow again.", flow_id, "")
        return [orjson.dumps(event) + b"\n\n" for event in (error, end_event())]
