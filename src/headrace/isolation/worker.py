"""One user's worker process, as the server holds it: started, asked, watched, ended."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import socket
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from headrace.component.component import ComponentError
from headrace.errors import HeadraceError
from headrace.isolation.frames import Peer, PeerGoneError, RemoteError
from headrace.isolation.network import WorkerNetwork
from headrace.isolation.run import IsolatedRun

if TYPE_CHECKING:
    from asyncio import Task
    from asyncio.subprocess import Process

    from headrace.component.context import RunContext
    from headrace.component.editing import Editing
    from headrace.egress import GuardedEgress
    from headrace.isolation.limits import Limits

log = logging.getLogger(__name__)
#: What people's own code prints.
printed = logging.getLogger("headrace.component_code")

#: How often a working process is looked at, seconds.
LOOK_EVERY = 0.5
#: A call that was cancelled has so long to end before its process is ended, seconds.
GRACE = 2.0
#: A process that does not answer so long after it was started never will, seconds.
START_SECONDS = 60.0
#: The longest line of what code prints, bytes.
_LINE = 8192


class WorkerEndedError(ComponentError):
    """The process of a user's components ended while it worked; says why."""


class Worker:
    """A process and the channel to it."""

    def __init__(self, limits: Limits) -> None:
        """Set up; `start` starts it."""
        self._limits = limits
        self._folder = tempfile.TemporaryDirectory(prefix="headrace-code-", ignore_cleanup_errors=True)
        self._numbers = itertools.count(1)
        self._runs: dict[RunContext, IsolatedRun] = {}
        self._numbered: dict[int, IsolatedRun] = {}
        self._edits: dict[int, Editing] = {}
        self._loaded: set[str] = set()
        self._calls = 0
        self._why: str | None = None
        self._retiring = False
        self._tasks: set[Task[None]] = set()
        self._process: Process
        self._network: WorkerNetwork
        self._peer: Peer
        #: When it last had work.
        self.idle_since = time.monotonic()
        #: What the kernel has to close it in with.
        self.confined: dict[str, bool] = {}

    async def start(self, egress: GuardedEgress) -> None:
        """Start the process. It is given a folder, two channels and its limits, and nothing of the server's.

        Raises:
            WorkerEndedError: it does not start.

        """
        channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        network, theirs_too = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        folder = Path(self._folder.name)
        with theirs, theirs_too:
            fds = (theirs.fileno(), theirs_too.fileno())
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-B", "-X", "utf8", "-m", "headrace.isolation.child"),
                *map(str, fds),
                orjson.dumps(asdict(self._limits)).decode(),
                pass_fds=fds,
                cwd=folder,
                env=_environment(folder),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=_LINE,
            )
        self._network = WorkerNetwork(network, egress)
        self._network.start()
        reader, writer = await asyncio.open_unix_connection(sock=channel, limit=1 << 20)
        self._peer = Peer(reader, writer, self._answer, self._told, _told_to_code)
        self._begin(self._serve())
        self._begin(self._print())
        try:
            async with asyncio.timeout(START_SECONDS):
                self.confined = (await self.ask("alive", {}))["confined"]
        except TimeoutError as error:
            self.kill("The process of these components did not start.")
            raise WorkerEndedError("The process of these components did not start. Try again.") from error
        self._begin(self._watch())

    def _begin(self, work: Any) -> None:
        task: Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def usable(self) -> bool:
        """Whether it can be given work."""
        return self._why is None and not self._retiring and self._process.returncode is None

    @property
    def ended(self) -> bool:
        """Whether the process is no more."""
        return self._process.returncode is not None

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

    async def load(self, digest: str, code: str) -> Any:
        """Have the process load a code, if it has not, and return its description; None where it was there.

        Raises:
            RemoteError: it cannot be loaded.
            WorkerEndedError: the process ended over it.

        """
        if digest in self._loaded:
            return None
        described = await self.ask("load", {"code": code})
        self._loaded.add(digest)
        return described

    async def edit(self, args: dict[str, Any], editing: Editing) -> Any:
        """Have a component change its node for a user at an editor."""
        number = next(self._numbers)
        self._edits[number] = editing
        try:
            return await self.ask("edit", {**args, "edit": number})
        finally:
            del self._edits[number]

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
                    self._begin(self._insist(answer))
                raise
        except PeerGoneError as error:
            raise WorkerEndedError(await self._reason()) from error
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
            self.kill("The process of these components was ended after another call. Run it again.")

    def kill(self, why: str) -> None:
        """End the process; what is asked of it fails with this reason."""
        self._why = self._why or why
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def stop(self) -> None:
        """End the process and clear away what was its."""
        self.kill("The server ended the process of these components. Run it again.")
        await self._process.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _reason(self) -> str:
        code = await self._process.wait()
        ended = signal.Signals(-code).name if code < 0 else f"status {code}"
        return self._why or f"The process of these components ended by itself ({ended}). Run it again."

    async def _serve(self) -> None:
        """Read what the process says until it ends, then clear away."""
        try:
            await self._peer.run()
        except Exception as error:
            # Whatever it is that code says there, it ends its own process alone.
            log.warning("what a worker says cannot be read, and it was ended: %s: %s", type(error).__name__, error)
            self.kill("The process of these components said what the server cannot read, and was ended.")
        self._network.stop()
        # Whoever closes its channel has nothing left to do.
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await asyncio.to_thread(self._folder.cleanup)

    async def _print(self) -> None:
        """Put what code prints into the log."""
        pipe = self._process.stdout
        while pipe is not None:
            try:
                line = await pipe.readline()
            except ValueError:
                # Longer than a line may be: it is left out.
                continue
            if not line:
                return
            printed.info("%s", line.decode(errors="replace").rstrip())

    async def _watch(self) -> None:
        """End the process when a call uses too much of the processor, or keeps it from answering."""
        limit = self._limits.seconds
        while self._process.returncode is None:
            await asyncio.sleep(LOOK_EVERY)
            if self._calls == 0:
                continue
            try:
                async with asyncio.timeout(limit):
                    busy = (await self._peer.ask("alive", {}))["busy"]
            except TimeoutError:
                busy = limit
            except HeadraceError:
                return
            if busy >= limit:
                self.kill(
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
        return await self._numbered[args["run"]].answer(op, args)

    def _told(self, op: str, args: dict[str, Any]) -> None:
        run = self._numbered.get(args["run"])
        if run is not None:
            run.told(op, args)


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment of a worker: nothing of the server's own."""
    return {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "USER": "component",
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        # A thread a core is for programs that have the machine to themselves.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }


def _told_to_code(error: BaseException) -> str:
    """Return what code is told of an error of the server's: of one that nobody foresaw, that there was one."""
    if isinstance(error, HeadraceError):
        return error.message
    log.error("the server failed at what isolated code asked", exc_info=error)
    return "The server failed at this. Its log says why."
