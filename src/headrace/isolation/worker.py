"""One user's worker process, as the server holds it: started, asked, watched, ended."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Coroutine
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from headrace.component.component import ComponentError
from headrace.errors import HeadraceError
from headrace.isolation.frames import Peer, PeerGoneError, RemoteError
from headrace.isolation.lending import GoneError
from headrace.isolation.network import WorkerNetwork
from headrace.isolation.process import WorkerProcess
from headrace.isolation.run import IsolatedRun

if TYPE_CHECKING:
    from asyncio import Task

    from headrace.component.context import RunContext
    from headrace.component.editing import Editing
    from headrace.egress import GuardedEgress
    from headrace.isolation.limits import Limits

log = logging.getLogger(__name__)

#: How often a working process is looked at, seconds.
LOOK_EVERY = 0.5
#: Every so many looks an idle process is looked at too, and what it wrote.
LOOKS_BETWEEN = 4
#: A call that was cancelled has so long to end before its process is ended, seconds.
GRACE = 2.0
#: A process that does not answer so long after it was started never will, seconds.
START_SECONDS = 60.0


class WorkerEndedError(ComponentError):
    """The process of a user's components ended while it worked; says why."""


class Worker:
    """A process and the channel to it."""

    def __init__(self, limits: Limits) -> None:
        """Set up; `start` starts it."""
        self._limits = limits
        self._process = WorkerProcess(limits)
        self._numbers = itertools.count(1)
        self._runs: dict[RunContext, IsolatedRun] = {}
        self._numbered: dict[int, IsolatedRun] = {}
        self._edits: dict[int, Editing] = {}
        #: What the process said of the codes that it has loaded, by their digests.
        self._described: dict[str, dict[str, Any]] = {}
        self._calls = 0
        self._retiring = False
        self._tasks: set[Task[None]] = set()
        #: Those that wait for the end of what was cancelled.
        self._doubts: set[Task[None]] = set()
        self._network: WorkerNetwork
        self._peer: Peer
        #: When it last had work.
        self.idle_since = time.monotonic()
        #: What the kernel has to close it in with.
        self.confined: dict[str, bool] = {}

    async def start(self, egress: GuardedEgress) -> None:
        """Start the process.

        Raises:
            WorkerEndedError: it does not start.

        """
        try:
            await self._start(egress)
        except BaseException:
            # Whoever wanted it waits no more: nobody else knows of it.
            self._process.kill("The process of these components did not start.")
            raise

    async def _start(self, egress: GuardedEgress) -> None:
        channel, network = await self._process.start()
        self._network = WorkerNetwork(network, egress)
        self._network.start()
        reader, writer = await asyncio.open_unix_connection(sock=channel, limit=1 << 20)
        self._peer = Peer(reader, writer, self._answer, self._told, _told_to_code)
        self._begin(self._serve())
        self._begin(self._process.log_prints())
        try:
            async with asyncio.timeout(START_SECONDS):
                self.confined = (await self.ask("alive", {}))["confined"]
        except TimeoutError as error:
            raise WorkerEndedError("The process of these components did not start. Try again.") from error
        self._begin(self._watch())

    def _begin(self, work: Coroutine[Any, Any, None]) -> Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def settle(self) -> None:
        """Wait until it is clear whether what was cancelled has ended, and with it whether the process can go on."""
        if self._doubts:
            await asyncio.wait(self._doubts)

    @property
    def usable(self) -> bool:
        """Whether it can be given work."""
        return not (self._process.killed or self._retiring or self._process.ended)

    @property
    def ended(self) -> bool:
        """Whether the process is no more."""
        return self._process.ended

    @property
    def idle(self) -> bool:
        """Whether nothing is asked of it and no run has anything in it."""
        return self._calls == 0 and not self._runs

    def run_of(self, context: RunContext) -> IsolatedRun:
        """Return a run's things in this process; they go when the run ends."""
        run = self._runs.get(context)
        if run is None:
            number = next(self._numbers)
            run = self._runs[context] = self._numbered[number] = IsolatedRun(number, context, self.ask)

            def end() -> None:
                del self._runs[context], self._numbered[number]
                self.idle_since = time.monotonic()
                if self.usable:
                    self._peer.tell("end", {"run": number})

            context.at_end(end)
        return run

    async def load(self, digest: str, code: str) -> dict[str, Any]:
        """Have the process load a code, if it has not, and return its description.

        Raises:
            RemoteError: it cannot be loaded.
            WorkerEndedError: the process ended over it, or it took too long.

        """
        if digest not in self._described:
            self._described[digest] = await self._soon(self.ask("load", {"code": code}))
        return self._described[digest]

    async def edit(self, args: dict[str, Any], editing: Editing) -> Any:
        """Have a component change its node for a user at an editor.

        Raises:
            RemoteError: the author's code fails.
            WorkerEndedError: the process ended over it, or it took too long.

        """
        number = next(self._numbers)
        self._edits[number] = editing
        try:
            return await self._soon(self.ask("edit", {**args, "edit": number}))
        finally:
            del self._edits[number]

    async def _soon(self, asked: Awaitable[Any]) -> Any:
        """Return an answer that belongs to no run, so that no run's time bounds it."""
        seconds = self._limits.seconds
        try:
            async with asyncio.timeout(seconds):
                return await asked
        except TimeoutError as error:
            raise WorkerEndedError(
                f"The code took longer than {seconds:g} s and was stopped. An operator can raise HEADRACE_CODE_SECONDS."
            ) from error

    async def ask(self, op: str, args: dict[str, Any]) -> Any:
        """Ask the process.

        Raises:
            RemoteError: it answered with an error.
            WorkerEndedError: it ended; says why.

        """
        self._calls += 1
        try:
            number, answer = self._peer.begin(op, args)
            try:
                return await asyncio.shield(answer)
            except asyncio.CancelledError:
                if not answer.done():
                    self._peer.tell("cancel", {"id": number})
                    doubt = self._begin(self._insist(answer))
                    self._doubts.add(doubt)
                    doubt.add_done_callback(self._doubts.discard)
                raise
        except PeerGoneError as error:
            raise WorkerEndedError(await self._process.reason()) from error
        except RemoteError as error:
            # What filled the memory may still be held.
            self._retiring |= error.kind == "MemoryError"
            raise
        finally:
            self._calls -= 1
            self.idle_since = time.monotonic()
            self._end_if_retired()

    async def _insist(self, answer: asyncio.Future[Any]) -> None:
        """End a process that goes on with what nobody waits for."""
        done, _ = await asyncio.wait({answer}, timeout=GRACE)
        if done:
            answer.exception()
        else:
            self._retiring = True
            self._end_if_retired()

    def _end_if_retired(self) -> None:
        if self._retiring and self._calls == 0:
            self._process.kill("The process of these components was ended after another call. Run it again.")

    async def stop(self) -> None:
        """End the process and clear away what was its."""
        self._process.kill("The server ended the process of these components. Run it again.")
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self) -> None:
        """Read what the process says until it ends, then clear away."""
        try:
            await self._peer.run()
        except Exception as error:
            # Whatever it is that code says there, it ends its own process alone.
            log.warning("what a worker says cannot be read, and it was ended: %s: %s", type(error).__name__, error)
            self._process.kill("The process of these components said what the server cannot read, and was ended.")
        self._network.stop()
        # Whoever closes its channel has nothing left to do.
        self._process.end()
        await self._process.clear()

    async def _watch(self) -> None:
        """End the process when a call uses too much of the processor or keeps it from answering, or when it writes too much."""
        limit = self._limits.seconds
        #: What the process had used when it last had work.
        before: float | None = None
        looks = left = 0
        while not self._process.ended:
            await asyncio.sleep(LOOK_EVERY)
            looks += 1
            if looks % LOOKS_BETWEEN == 0 and await self._process.wrote_too_much():
                self._process.kill(
                    f"The code wrote more than {self._limits.folder >> 20} MiB into its folder and was stopped."
                )
            if self._calls == 0 and looks % LOOKS_BETWEEN:
                continue
            try:
                async with asyncio.timeout(limit):
                    told = await self._peer.ask("alive", {})
            except TimeoutError:
                told = {"busy": limit, "used": 0.0, "working": 0}
            except HeadraceError:
                return
            # A thread that a call left behind works for nobody, and keeps others from working.
            left = left + 1 if told["working"] and not self._calls else 0
            if left > LOOKS_BETWEEN:
                self._process.kill("Code went on after its run had ended, and its process was ended.")
            before = None if self._calls else min(before if before is not None else told["used"], told["used"])
            idle = 0.0 if before is None else told["used"] - before
            if max(told["busy"], idle) >= limit:
                self._process.kill(
                    f"The code used the processor for {limit:g} s in one call and was stopped. An operator can raise "
                    "HEADRACE_CODE_SECONDS."
                )

    async def _answer(self, op: str, args: dict[str, Any]) -> Any:
        """Answer the process: an editor's business, or a run's."""
        if op == "flow_names":
            return await self._edits[args["edit"]].flow_names()
        if op == "flow_ports":
            ports = await self._edits[args["edit"]].flow_ports(args["name"])
            return None if ports is None else asdict(ports)
        run = self._numbered.get(args["run"])
        if run is None:
            raise GoneError
        return await run.answer(op, args)

    def _told(self, op: str, args: dict[str, Any]) -> None:
        run = self._numbered.get(args["run"])
        if run is not None:
            run.told(op, args)


def _told_to_code(error: BaseException) -> str:
    """Return what code is told of an error of the server's: of one that nobody foresaw, that there was one."""
    if isinstance(error, HeadraceError):
        return error.message
    log.error("the server failed at what isolated code asked", exc_info=error)
    return "The server failed at this. Its log says why."
