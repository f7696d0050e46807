"""The active runs of this process, which end when their owner is deactivated or deleted."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection
from typing import TYPE_CHECKING, Self
from uuid import UUID

from headrace.db import users
from headrace.db.changes import Topic
from headrace.runs.errors import InactiveOwnerError, ServerStoppingError

if TYPE_CHECKING:
    from types import TracebackType

    from headrace.db.changes import Change
    from headrace.db.database import Database
    from headrace.errors import HeadraceError

log = logging.getLogger(__name__)


class ActiveRuns:
    """Knows the deadline of each active run, and moves it to now if the owner may not run flows any more or the server stops."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._deadlines: defaultdict[UUID, set[RunDeadline]] = defaultdict(set)
        self._checks: set[asyncio.Task[None]] = set()
        database.changes.subscribe(self)

    def deadline(self, owner: UUID, seconds: float) -> RunDeadline:
        """Return a context manager that raises TimeoutError after a time, or the error with which the run is stopped."""
        return RunDeadline(self._deadlines, owner, seconds)

    def stop_all(self) -> None:
        """End all runs with a ServerStoppingError."""
        for deadlines in self._deadlines.values():
            for deadline in deadlines:
                deadline.stop(ServerStoppingError(was_running=True))

    def invalidate(self, changes: Collection[Change]) -> None:
        """Check the owners of active runs who have changed."""
        if self._deadlines:
            changed = {UUID(change.key) for change in changes if change.topic is Topic.USER}
            self._check_soon(changed & self._deadlines.keys())

    def clear(self) -> None:
        """Check all owners of active runs: changes may have been missed."""
        self._check_soon(set(self._deadlines))

    def _check_soon(self, owners: set[UUID]) -> None:
        if owners:
            check = asyncio.create_task(self._check(owners), name="run-owners")
            self._checks.add(check)
            check.add_done_callback(self._finish_check)

    async def _check(self, owners: set[UUID]) -> None:
        async with self._database.connect() as connection:
            active = await users.filter_active(connection, owners)
        for owner in owners - active:
            for deadline in self._deadlines.get(owner, ()):
                deadline.stop(InactiveOwnerError())

    def _finish_check(self, check: asyncio.Task[None]) -> None:
        self._checks.discard(check)
        if not check.cancelled() and (error := check.exception()) is not None:
            # The runs end at their time limit in any case.
            log.error("The owners of active runs could not be checked: %s", type(error).__name__)


class RunDeadline:
    """The time limit of one run, as an async context manager."""

    def __init__(self, deadlines: defaultdict[UUID, set[RunDeadline]], owner: UUID, seconds: float) -> None:
        self._deadlines = deadlines
        self._owner = owner
        self._timeout = asyncio.timeout(seconds)
        self._reason: HeadraceError | None = None

    def stop(self, reason: HeadraceError) -> None:
        """End the run at its next await, with an error."""
        if not self._timeout.expired():
            self._reason = reason
            self._timeout.reschedule(0)

    async def __aenter__(self) -> Self:
        """Start the time limit."""
        await self._timeout.__aenter__()
        self._deadlines[self._owner].add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the time limit.

        Raises:
            HeadraceError: The run was stopped for this reason.
            TimeoutError: The time is over.

        """
        deadlines = self._deadlines[self._owner]
        deadlines.discard(self)
        if not deadlines:
            del self._deadlines[self._owner]
        try:
            await self._timeout.__aexit__(kind, error, traceback)
        except TimeoutError as timeout:
            if self._reason is not None:
                raise self._reason from timeout
            raise
