"""The worker process: runs one user's own components, and reaches nothing that it was not given.

    python -I -B -m headrace.isolation.child CHANNEL NETWORK LIMITS

Everything that it needs of the machine is opened before it closes itself in; from then on it is code that nobody trusts.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import hashlib
import inspect
import itertools
import os
import signal
import socket
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import orjson

from headrace.compat.current import Current, within
from headrace.compat.loading import load_component
from headrace.compat.views import SourceView
from headrace.component.component import ComponentError
from headrace.component.editing import FlowPorts, Port
from headrace.errors import HeadraceError
from headrace.isolation import landlock, seccomp, sockets
from headrace.isolation.description import describe
from headrace.isolation.frames import Peer, text_of_error
from headrace.isolation.lending import Lending, settings_from
from headrace.isolation.limits import Limits, apply_limits
from headrace.isolation.python import run_python
from headrace.isolation.values import from_json, to_json
from headrace.isolation.worker_context import WorkerContext, WorkerEgress

if TYPE_CHECKING:
    from headrace.component.component import Component

T = TypeVar("T")

#: Plain methods, and whatever else is done in threads, at once.
THREADS = 16
_STACK = 2 << 20
_PR_SET_PDEATHSIG = 1

#: Readable beside Python's own folders: shared libraries, certificates, time zones, the devices that give nothing away.
_READABLE = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    "/usr/share/ca-certificates",
    "/usr/share/zoneinfo",
    "/etc/localtime",
    "/etc/mime.types",
    "/dev/urandom",
    "/dev/zero",
)


def confine_self(limits: Limits, folder: Path) -> dict[str, bool]:
    """Close this process in, for good, and return what the kernel had for it."""
    apply_limits(limits)
    if sys.platform != "linux":
        return {"landlock": False, "seccomp": False}
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    own = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    readable = {Path(p).resolve() for p in (*own, *sys.path, *_READABLE) if p and Path(p).exists()}
    confined = landlock.confine(sorted(readable), [folder, Path("/dev/null")])
    return {"landlock": confined, "seccomp": seccomp.refuse_calls()}


class WatchedThreads(ThreadPoolExecutor):
    """Threads that tell how long they have worked on what they do."""

    def __init__(self) -> None:
        super().__init__(THREADS)
        self._numbers = itertools.count(1)
        #: What is being done: by which thread, and the processor time that it had used before, seconds.
        self._working: dict[int, tuple[int, float]] = {}

    def submit(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have a thread do something."""
        number = next(self._numbers)

        def watched() -> T:
            self._working[number] = (threading.get_ident(), time.thread_time())
            try:
                return work(*args, **kwargs)
            finally:
                self._working.pop(number, None)

        return super().submit(watched)

    @property
    def working(self) -> int:
        """How many threads work."""
        return len(self._working)

    def busiest(self) -> float:
        """Return the longest processor time that a thread has used for what it does, seconds."""
        used = [0.0]
        for thread, before in list(self._working.values()):
            try:
                used.append(time.clock_gettime(time.pthread_getcpuclockid(thread)) - before)
            except (OSError, AttributeError):
                continue
        return max(used)


class Child:
    """What the server asks of this process."""

    def __init__(self, limits: Limits, network: sockets.Network, confined: dict[str, bool]) -> None:
        self._limits = limits
        self._network = network
        self._confined = confined
        self._classes: dict[str, type[Component]] = {}
        self._runs: dict[int, _Run] = {}
        #: The loop's threads, too: those of tools, say.
        self.threads = WatchedThreads()
        self.peer: Peer

    async def answer(self, op: str, args: dict[str, Any]) -> Any:
        """Do what the server asks."""
        if op == "load":
            return await self._load(args["code"])
        if op == "call":
            return await self._call(args)
        if op == "python":
            return await self._python(args)
        if op == "edit":
            return await self._edit(args)
        if op == "alive":
            return {
                "busy": self.threads.busiest(),
                "working": self.threads.working,
                "used": time.process_time(),
                "confined": self._confined,
            }
        return await self._runs[args["run"]].lending.answer(op, args)

    def told(self, op: str, args: dict[str, Any]) -> None:
        """Hear what the server tells."""
        if op == "end":
            run = self._runs.pop(args["run"], None)
            if run is not None:
                run.context.close()

    def explain(self, error: BaseException) -> str:
        """Return an error's text, with what isolation has to do with it."""
        told = text_of_error(error)
        if isinstance(error, HeadraceError | sockets.BlockedAddressError):
            return told
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            return (
                f"It needs more memory than the {self._limits.memory} MiB that isolated code has. An operator can raise "
                "HEADRACE_CODE_MEMORY."
            )
        if isinstance(error, PermissionError):
            return f"{told}. This code runs isolated: it may read and write files in its own folder alone, and start no processes."
        if isinstance(error, OSError) and error.errno == errno.EFBIG:
            return (
                f"{told}: isolated code writes files of at most {self._limits.file} MiB. An operator can raise "
                "HEADRACE_CODE_FILE_SIZE."
            )
        return told

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        begun = asyncio.get_running_loop().run_in_executor(None, work)
        try:
            return await asyncio.shield(begun)
        except asyncio.CancelledError:
            # A thread cannot be stopped. Whoever cancels is answered when nothing of it goes on.
            await asyncio.wait({begun})
            raise

    async def _load(self, code: str) -> dict[str, Any]:
        digest = hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
        component = await self._in_thread(lambda: load_component(code))
        self._classes[digest] = component
        return describe(component)

    async def _call(self, args: dict[str, Any]) -> dict[str, Any]:
        run = await self._run(args["run"], args["context"])
        context, lending = run.context, run.lending
        for number, provider, settings in args["models"]:
            from headrace.models.provider import chat_model, provider_named

            lending.built[number] = await chat_model(provider_named(provider), settings_from(settings), context)
        context.shared.update(lending.read(args["shared"]))
        component = run.components.get(args["instance"])
        if component is None:
            found, vertex, values = self._classes[args["digest"]], args["vertex"], lending.read(args["values"])
            sources = cast("tuple[Component, ...]", tuple(SourceView(**source) for source in args["sources"]))
            current = Current(context, asyncio.get_running_loop())
            component = await self._in_thread(
                lambda: within(current, lambda: found.made(vertex, context, values, sources))
            )
            run.components[args["instance"]] = component
        output = component.output(args["output"])
        if output is None:
            raise ComponentError(f"There is no output {args['output']!r}.")
        method = component.method_of(output)
        given = await method() if inspect.iscoroutinefunction(method) else await self._in_thread(method)
        return {
            "value": lending.write(given),
            "stopped": sorted(component.stopped),
            "logs": to_json(component.logs, _as_text),
            "shared": to_json({k: v for k, v in context.shared.items() if isinstance(k, str)}, _as_text),
        }

    async def _python(self, args: dict[str, Any]) -> dict[str, Any]:
        names = from_json(args["names"], list)
        printed, value = await self._in_thread(
            lambda: run_python(args["source"], names, args["imports"], args["expression"])
        )
        return {"printed": printed, "value": to_json(value, _as_text)}

    async def _run(self, number: int, told: dict[str, Any]) -> _Run:
        run = self._runs.get(number)
        if run is None:

            async def ask(op: str, args: dict[str, Any]) -> Any:
                return await self.peer.ask(op, {"run": number, **args})

            lending = Lending(ask, lends_anything=True)
            context = WorkerContext(number, told, self.peer, lending, self._network)
            run = self._runs[number] = _Run(context, lending)
        return run

    async def _edit(self, args: dict[str, Any]) -> Any:
        editing = _ServersEditing(self.peer, args["edit"], WorkerEgress(self._network))
        node = await self._classes[args["digest"]].edited(from_json(args["node"], list), args["field"], editing)
        return to_json(node, _as_text)


class _Run:
    """One run's things in this process."""

    def __init__(self, context: WorkerContext, lending: Lending) -> None:
        self.context = context
        self.lending = lending
        self.components: dict[int, Component] = {}


class _ServersEditing:
    """The editor's user: the server is asked."""

    def __init__(self, peer: Peer, number: int, egress: WorkerEgress) -> None:
        self._peer = peer
        self._number = number
        self.egress = egress

    async def flow_names(self) -> list[str]:
        """Return the names of the user's flows."""
        return [str(n) for n in await self._peer.ask("flow_names", {"edit": self._number})]

    async def flow_ports(self, name: str) -> FlowPorts | None:
        """Return the ports of the user's flow of this name."""
        raw = await self._peer.ask("flow_ports", {"edit": self._number, "name": name})
        if raw is None:
            return None
        inputs, outputs = (
            [Port(**{**p, "types": tuple(p["types"])}) for p in raw[side]] for side in ("inputs", "outputs")
        )
        return FlowPorts(raw["flow_id"], tuple(inputs), tuple(outputs))


def _as_text(value: object) -> list[Any]:
    return ["str", str(value)]


async def serve(channel: socket.socket, child: Child) -> None:
    """Answer the server until it ends."""
    asyncio.get_running_loop().set_default_executor(child.threads)
    reader, writer = await asyncio.open_unix_connection(sock=channel, limit=1 << 20)
    child.peer = Peer(reader, writer, child.answer, child.told, child.explain)
    await child.peer.run()


def main() -> None:
    """Close this process in and serve."""
    channel, network = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    limits = Limits(**orjson.loads(sys.argv[3]))
    threading.stack_size(_STACK)
    way_out = sockets.Network(network)
    confined = confine_self(limits, Path.cwd())
    sockets.install(way_out)
    asyncio.run(serve(channel, Child(limits, way_out, confined)))
    # Threads of code that does not end would keep the process.
    os._exit(0)


if __name__ == "__main__":
    main()
