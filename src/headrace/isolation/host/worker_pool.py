"""The pool of workers: one per user, started on first use and stopped when idle."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.compat.loader import ComponentCodeError
from headrace.component.component import ComponentError, PythonExecutionError
from headrace.component.context import PythonResult
from headrace.errors import RetryLaterError
from headrace.isolation.host.proxy_component import make_proxy_class
from headrace.isolation.host.worker import Worker
from headrace.isolation.rpc.connection import RemoteError
from headrace.isolation.rpc.decoding import decode, decode_untrusted
from headrace.isolation.rpc.encoding import encode_large

if TYPE_CHECKING:
    from headrace.component.component import Component
    from headrace.isolation.limits import ResourceLimits
    from headrace.net.egress import EgressGuard

log = logging.getLogger(__name__)

#: Time between two searches for idle workers, in seconds.
REAP_INTERVAL_SECONDS = 5.0


class TooManyWorkersError(RetryLaterError, ComponentError):
    """All workers are busy with the components of other users."""

    def __init__(self, max_workers: int) -> None:
        super().__init__(
            f"The components of {max_workers} users are running, which is the limit. Try again in a moment. An operator can raise "
            "HEADRACE_CODE_MAX_WORKERS.",
            seconds=1,
        )


class WorkerPool:
    """Starts workers, and returns proxies for the component classes that they load."""

    per_user = True

    def __init__(self, limits: ResourceLimits, egress: EgressGuard, *, max_workers: int, idle_seconds: float) -> None:
        """Create a pool without workers.

        Args:
            limits: resource limits of each worker.
            egress: checks the addresses that workers connect to.
            max_workers: workers at the same time.
            idle_seconds: time without a call after which a worker is stopped.

        """
        self._limits = limits
        self._egress = egress
        self._max_workers = max_workers
        self._idle_seconds = idle_seconds
        self._workers: dict[UUID, Worker] = {}
        #: Users whose workers are starting; each occupies a slot.
        self._starting_users: set[UUID] = set()
        #: Workers that accept no new calls and have not ended.
        self._retired: set[Worker] = set()
        #: Serializes the starts of each user's worker.
        self._start_locks: dict[UUID, asyncio.Lock] = {}
        self._reaper: asyncio.Task[None] | None = None
        self._warned = False

    async def reserve(self, user: UUID) -> None:
        """Start a user's worker if it is not running.

        Raises:
            TooManyWorkersError: all workers are busy with the code of other users.

        """
        await self._worker(user)

    async def load(self, user: UUID, digest: str, code: str) -> type[Component]:
        """Load code in a user's worker and return a proxy for its component class.

        Raises:
            ComponentCodeError: the code fails or defines no component.
            ComponentError: the worker cannot be started or has ended.

        """

        async def get_worker() -> Worker:
            worker = await self._worker(user)
            await worker.load_class(digest, code)
            return worker

        worker = await self._worker(user)
        try:
            return make_proxy_class(await worker.load_class(digest, code), code, digest, get_worker)
        except RemoteError as error:
            raise ComponentCodeError(error.message) from error

    async def run_python(
        self, user: UUID, source: str, names: Mapping[str, object], imports: Sequence[str], expression: str | None
    ) -> PythonResult:
        """Run Python in a user's worker; see `CustomCode.run_python` for the arguments.

        Raises:
            PythonExecutionError: the code fails; names its line.
            ComponentError: the worker cannot be started or has ended.
            UnsupportedValueError: the value of a name cannot be sent to the worker.

        """
        args = {
            "source": source,
            "names": await encode_large(dict(names)),
            "imports": list(imports),
            "expression": expression,
        }
        try:
            result = await (await self._worker(user)).request("run_python", args)
        except RemoteError as error:
            raise PythonExecutionError(error.message) from error
        value = await decode_untrusted(result["value"], lambda raw: decode(raw, list))
        return PythonResult(str(result["stdout"]), value)

    async def _worker(self, user: UUID) -> Worker:
        async with self._start_locks.setdefault(user, asyncio.Lock()):
            worker = self._workers.get(user)
            if worker is not None:
                await worker.wait_cancelled()
            if worker is None or not worker.usable:
                await self._reserve_slot(user)
                try:
                    worker = Worker(self._limits)
                    await worker.start(self._egress)
                    self._workers[user] = worker
                finally:
                    self._starting_users.discard(user)
                self.warn_missing_features(worker.confinement)
            return worker

    async def _reserve_slot(self, user: UUID) -> None:
        """Reserve a slot for a user's worker. If all slots are taken, stop the worker that has been idle longest.

        Raises:
            TooManyWorkersError: all slots are taken and no worker is idle.

        """
        if self._reaper is None:
            self._reaper = asyncio.create_task(self._reap_idle())
        while True:
            for other in [u for u, w in self._workers.items() if not w.usable]:
                self._retired.add(self._workers.pop(other))
            if len(self._workers) + len(self._starting_users) < self._max_workers:
                self._starting_users.add(user)
                return
            idle = sorted((w.idle_since, u.hex, u) for u, w in self._workers.items() if w.idle)
            if not idle:
                raise TooManyWorkersError(self._max_workers)
            await self._workers.pop(idle[0][2]).stop()

    async def _reap_idle(self) -> None:
        """Stop workers that have been idle for `idle_seconds`."""
        while True:
            await asyncio.sleep(min(REAP_INTERVAL_SECONDS, self._idle_seconds))
            deadline = time.monotonic() - self._idle_seconds
            for user, worker in list(self._workers.items()):
                if not worker.usable or (worker.idle and worker.idle_since < deadline):
                    self._retired.add(self._workers.pop(user))
                    if worker.idle:
                        await worker.stop()
            self._retired = {w for w in self._retired if not w.ended}

    async def close(self) -> None:
        """Stop all workers."""
        if self._reaper is not None:
            self._reaper.cancel()
            await asyncio.gather(self._reaper, return_exceptions=True)
        workers = [*self._workers.values(), *self._retired]
        self._workers.clear()
        await asyncio.gather(*(w.stop() for w in workers))

    def warn_missing_features(self, confinement: dict[str, bool]) -> None:
        """Log a warning, once, if the kernel lacks a feature that confines workers."""
        missing = [name for name, active in confinement.items() if not active]
        if missing and not self._warned:
            self._warned = True
            log.warning(
                "the kernel does not support %s: worker processes cannot access the server's environment and memory, but may "
                "access some of its files and network addresses",
                " and ".join(missing),
            )
