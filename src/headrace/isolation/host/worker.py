"""The server's handle of one user's worker process: start it, send requests to it, stop it."""

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
from headrace.isolation.host.call_meter import CallMeter
from headrace.isolation.host.host_run import HostRun
from headrace.isolation.host.network_broker import NetworkBroker
from headrace.isolation.host.process import WorkerProcess
from headrace.isolation.host.watchdog import Watchdog
from headrace.isolation.rpc.connection import ConnectionClosedError, RemoteError, RpcConnection
from headrace.isolation.rpc.frames import FrameLimits
from headrace.isolation.rpc.read_budget import ReadBudget
from headrace.isolation.rpc.remote_ref import StaleReferenceError

if TYPE_CHECKING:
    from asyncio import Task

    from headrace.component.context import RunContext
    from headrace.component.editor_context import EditorContext
    from headrace.isolation.limits import ResourceLimits
    from headrace.net.egress import EgressGuard

log = logging.getLogger(__name__)

#: Time for a cancelled call to end before its process is stopped, in seconds.
CANCEL_GRACE_SECONDS = 2.0
#: Time for a process to answer its first request, in seconds.
START_TIMEOUT_SECONDS = 60.0
#: Buffer of the connection's reader, in bytes.
_READ_BUFFER_BYTES = 1 << 20


class WorkerDiedError(ComponentError):
    """A worker process ended during a call. The message says why."""


class Worker:
    """A worker process, its connections and its runs."""

    def __init__(self, limits: ResourceLimits) -> None:
        """Create a handle; `start` starts the process."""
        self._limits = limits
        self._process = WorkerProcess(limits)
        self._numbers = itertools.count(1)
        self._runs: dict[RunContext, HostRun] = {}
        self._runs_by_number: dict[int, HostRun] = {}
        self._edits: dict[int, EditorContext] = {}
        #: Descriptions of the classes that the process has loaded, by the digest of their code.
        self._descriptions: dict[str, dict[str, Any]] = {}
        self._calls = CallMeter()
        #: Whether the process is stopped once its open calls have ended.
        self._retiring = False
        self._tasks: set[Task[None]] = set()
        #: Tasks that wait for cancelled calls to end.
        self._cancelling: set[Task[None]] = set()
        self._network: NetworkBroker
        self._connection: RpcConnection
        #: The monotonic time at which the last call or run ended, in seconds.
        self.idle_since = time.monotonic()
        #: Whether each kernel feature (`landlock`, `seccomp`) confines the process.
        self.confinement: dict[str, bool] = {}

    async def start(self, egress: EgressGuard) -> None:
        """Start the process and wait until it answers.

        Args:
            egress: checks the addresses that the worker connects to.

        Raises:
            WorkerDiedError: the process does not start.

        """
        try:
            await self._start(egress)
        except BaseException:
            # If the caller was cancelled, no one else has a reference to the process.
            self._process.kill("The worker process of this user's components did not start.")
            raise

    async def _start(self, egress: EgressGuard) -> None:
        channel, network = await self._process.start()
        self._network = NetworkBroker(network, egress)
        self._network.start()
        reader, writer = await asyncio.open_unix_connection(sock=channel, limit=_READ_BUFFER_BYTES)
        self._connection = RpcConnection(
            reader,
            writer,
            self._on_request,
            self._on_notification,
            _describe_error,
            FrameLimits(self._limits.max_value_mib, self._limits.max_value_items),
            ReadBudget(),
        )
        self._start_task(self._serve())
        self._start_task(self._process.forward_output())
        try:
            async with asyncio.timeout(START_TIMEOUT_SECONDS):
                confinement = (await self.request("get_status", {}))["confinement"]
        except TimeoutError as error:
            raise WorkerDiedError(
                f"The worker process of this user's components did not start within {START_TIMEOUT_SECONDS:g} s. Try again."
            ) from error
        self._process.has_quota = confinement.pop("quota")
        self.confinement = confinement
        watchdog = Watchdog(self._process, self._connection, self._limits, self._calls)
        self._start_task(watchdog.run())

    def _start_task(self, work: Coroutine[Any, Any, None]) -> Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def wait_cancelled(self) -> None:
        """Wait until every cancelled call has ended or its process is being stopped."""
        if self._cancelling:
            await asyncio.wait(self._cancelling)

    @property
    def usable(self) -> bool:
        """Whether the process accepts new calls."""
        return not (self._process.killed or self._retiring or self._process.ended)

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.ended

    @property
    def idle(self) -> bool:
        """Whether the worker has no open call and no run."""
        return self._calls.open_calls == 0 and not self._runs

    def run_of(self, context: RunContext) -> HostRun:
        """Return a run's part of this worker, creating it on first use. It is closed when the run ends."""
        run = self._runs.get(context)
        if run is None:
            number = next(self._numbers)
            run = self._runs[context] = self._runs_by_number[number] = HostRun(number, context, self.request)

            def close() -> None:
                del self._runs[context], self._runs_by_number[number]
                self.idle_since = time.monotonic()
                if self.usable:
                    self._connection.notify("close_run", {"run": number})

            context.on_close(close)
        return run

    async def load_class(self, digest: str, code: str) -> dict[str, Any]:
        """Load code in the process on first use, and return the description of its component class.

        Raises:
            RemoteError: the code cannot be loaded.
            WorkerDiedError: the process ended or the code took too long.

        """
        if digest not in self._descriptions:
            self._descriptions[digest] = await self._with_timeout(self.request("load_class", {"code": code}))
        return self._descriptions[digest]

    async def update_node(self, args: dict[str, Any], editor: EditorContext) -> Any:
        """Let a component class change its node after an edit of one field; return the encoded node.

        Raises:
            RemoteError: the component's code failed.
            WorkerDiedError: the process ended or the code took too long.

        """
        number = next(self._numbers)
        self._edits[number] = editor
        try:
            return await self._with_timeout(self.request("update_node", {**args, "edit": number}))
        finally:
            del self._edits[number]

    async def _with_timeout(self, call: Awaitable[Any]) -> Any:
        """Await a call outside any run, which has no run timeout."""
        seconds = self._limits.cpu_seconds
        try:
            async with asyncio.timeout(seconds):
                return await call
        except TimeoutError as error:
            raise WorkerDiedError(
                f"The code took longer than {seconds:g} s and was stopped. An operator can raise HEADRACE_CODE_CPU_SECONDS."
            ) from error

    async def request(self, op: str, args: dict[str, Any]) -> Any:
        """Send a request to the process and return its result.

        If the caller is cancelled and the request does not end within `CANCEL_GRACE_SECONDS`, the process is stopped.

        Raises:
            RemoteError: the process responded with an error.
            WorkerDiedError: the process ended. The message says why.

        """
        try:
            with self._calls.call():
                return await self._await_response(op, args)
        except ConnectionClosedError as error:
            raise WorkerDiedError(await self._process.wait_for_reason()) from error
        except RemoteError as error:
            # The objects that filled the memory, or the threads, may still exist.
            self._retiring |= error.kind in ("MemoryError", "ThreadLimitError")
            raise
        finally:
            self.idle_since = time.monotonic()
            self._stop_if_retired()

    async def _await_response(self, op: str, args: dict[str, Any]) -> Any:
        request_id, result = self._connection.start_request(op, args)
        try:
            return await asyncio.shield(result)
        except asyncio.CancelledError:
            if not result.done():
                self._connection.notify("cancel", {"id": request_id})
                task = self._start_task(self._kill_if_stuck(result))
                self._cancelling.add(task)
                task.add_done_callback(self._cancelling.discard)
            raise

    async def _kill_if_stuck(self, result: asyncio.Future[Any]) -> None:
        """Retire the process if a cancelled request does not end in time."""
        done, _ = await asyncio.wait({result}, timeout=CANCEL_GRACE_SECONDS)
        if done:
            result.exception()
        else:
            self._retiring = True
            self._stop_if_retired()

    def _stop_if_retired(self) -> None:
        if self._retiring and self._calls.open_calls == 0:
            self._process.kill("The worker process was stopped after another call of this user. Run the flow again.")

    async def stop(self) -> None:
        """Stop the process and remove its folder."""
        self._process.kill("The server stopped the worker process. Run the flow again.")
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self) -> None:
        """Serve the connection until the process ends, then clean up."""
        try:
            await self._connection.run()
        except Exception as error:
            # Code in the worker can write anything to the connection. Invalid frames must not affect the server.
            log.warning("stopped a worker that sent an invalid frame: %s: %s", type(error).__name__, error)
            self._process.kill("The worker process sent data that the server cannot read, and was stopped.")
        self._network.stop()
        await self._process.remove()

    async def _on_request(self, op: str, args: dict[str, Any]) -> Any:
        """Handle a request of the process: of an edit or of a run."""
        if op == "list_flow_names":
            return await self._edits[args["edit"]].flow_names()
        if op == "get_flow_ports":
            ports = await self._edits[args["edit"]].flow_ports(args["name"])
            return None if ports is None else asdict(ports)
        run = self._runs_by_number.get(args["run"])
        if run is None:
            raise StaleReferenceError
        return await run.handle_request(op, args)

    def _on_notification(self, op: str, args: dict[str, Any]) -> None:
        run = self._runs_by_number.get(args["run"])
        if run is not None:
            run.on_notification(op, args)


def _describe_error(error: BaseException) -> str:
    """Return the text that isolated code sees of a server error, without details of unexpected exceptions."""
    if isinstance(error, HeadraceError):
        return error.message
    log.error("a request of isolated code failed", exc_info=error)
    return "The server failed to process the request. The server's log has the details."
