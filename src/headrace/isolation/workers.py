"""The workers of all users: one a user, started when it is needed and ended when it is not."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.compat.loading import ComponentCodeError
from headrace.component.component import ComponentError, PythonFailedError
from headrace.component.context import PythonOutcome
from headrace.errors import TryAgainError
from headrace.isolation.frames import RemoteError
from headrace.isolation.stand_in import stand_in
from headrace.isolation.values import from_json, to_json
from headrace.isolation.worker import Worker

if TYPE_CHECKING:
    from headrace.component.component import Component
    from headrace.egress import GuardedEgress
    from headrace.isolation.limits import Limits

log = logging.getLogger(__name__)

#: How often idle workers are looked for, seconds.
LOOK_EVERY = 5.0


class TooManyWorkersError(TryAgainError, ComponentError):
    """So many users' components run that there is no room for another's."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"Components of {most} users run at this moment, and no more at once. Try again in a moment; an operator can "
            "raise HEADRACE_CODE_WORKERS.",
            seconds=1,
        )


class Workers:
    """Starts workers and hands out the classes that stand for what they hold."""

    apart = True

    def __init__(self, limits: Limits, egress: GuardedEgress, *, most: int, idle_seconds: float) -> None:
        """Set up without starting anything.

        Args:
            limits: what each worker may use.
            egress: the guard of all that they reach.
            most: so many at once.
            idle_seconds: a worker without work ends after so long.

        """
        self._limits = limits
        self._egress = egress
        self._most = most
        self._idle_seconds = idle_seconds
        self._workers: dict[UUID, Worker] = {}
        #: Users whose workers are being started.
        self._coming: set[UUID] = set()
        #: Those that get no more work and have not ended.
        self._leaving: set[Worker] = set()
        self._starting: dict[UUID, asyncio.Lock] = {}
        self._looking: asyncio.Task[None] | None = None
        self._warned = False

    async def make_room(self, user: UUID) -> None:
        """Start a user's worker, if there is none.

        Raises:
            TooManyWorkersError: as many work for others.

        """
        await self._worker(user)

    async def load(self, user: UUID, digest: str, code: str) -> type[Component]:
        """Have a user's worker load a code, and return the class that stands for it.

        Raises:
            ComponentCodeError: it fails, or holds no component.
            ComponentError: there is no worker to load it.

        """

        async def where() -> Worker:
            worker = await self._worker(user)
            await worker.load(digest, code)
            return worker

        worker = await self._worker(user)
        try:
            return stand_in(await worker.load(digest, code), code, digest, where)
        except RemoteError as error:
            raise ComponentCodeError(error.message) from error

    async def python(
        self, user: UUID, source: str, names: Mapping[str, object], imports: Sequence[str], expression: str | None
    ) -> PythonOutcome:
        """Run Python in a user's worker.

        Raises:
            PythonFailedError: it fails; names its line.
            ComponentError: there is no worker to run it, or it ended over it.
            NoValueError: one of the names holds what cannot go there.

        """
        args = {
            "source": source,
            "names": to_json(dict(names), _nothing),
            "imports": list(imports),
            "expression": expression,
        }
        try:
            given = await (await self._worker(user)).ask("python", args)
        except RemoteError as error:
            raise PythonFailedError(error.message) from error
        return PythonOutcome(str(given["printed"]), from_json(given["value"], list))

    async def _worker(self, user: UUID) -> Worker:
        async with self._starting.setdefault(user, asyncio.Lock()):
            worker = self._workers.get(user)
            if worker is not None:
                await worker.settle()
            if worker is None or not worker.usable:
                await self._take_room(user)
                try:
                    worker = Worker(self._limits)
                    await worker.start(self._egress)
                    self._workers[user] = worker
                finally:
                    self._coming.discard(user)
                self.warn_of(worker.confined)
            return worker

    async def _take_room(self, user: UUID) -> None:
        """Hold a place for a user's worker, ending one that is idle where all are taken.

        Raises:
            TooManyWorkersError: all are taken, and none is idle.

        """
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        while True:
            for other in [u for u, w in self._workers.items() if not w.usable]:
                self._leaving.add(self._workers.pop(other))
            if len(self._workers) + len(self._coming) < self._most:
                self._coming.add(user)
                return
            idle = sorted((w.idle_since, u.hex, u) for u, w in self._workers.items() if w.idle)
            if not idle:
                raise TooManyWorkersError(self._most)
            await self._workers.pop(idle[0][2]).stop()

    async def _look(self) -> None:
        """End what has had no work for long."""
        while True:
            await asyncio.sleep(min(LOOK_EVERY, self._idle_seconds))
            before = time.monotonic() - self._idle_seconds
            for user, worker in list(self._workers.items()):
                if not worker.usable or (worker.idle and worker.idle_since < before):
                    self._leaving.add(self._workers.pop(user))
                    if worker.idle:
                        await worker.stop()
            self._leaving = {w for w in self._leaving if not w.ended}

    async def close(self) -> None:
        """End all workers."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        workers = [*self._workers.values(), *self._leaving]
        self._workers.clear()
        await asyncio.gather(*(w.stop() for w in workers))

    def warn_of(self, confined: dict[str, bool]) -> None:
        """Tell the log, once, what the kernel has not got to close workers in with."""
        missing = [name for name, has in confined.items() if not has]
        if missing and not self._warned:
            self._warned = True
            log.warning(
                "this machine's kernel has no %s: code in a worker process is kept from the server's environment and memory, "
                "but not from all of its files and addresses",
                " and no ".join(missing),
            )


def _nothing(_: object) -> None:
    """Speak of no object by reference."""
