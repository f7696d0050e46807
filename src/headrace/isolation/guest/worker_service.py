"""The operations that a worker performs for the server; see `rpc.connection` for the protocol."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from headrace.compat.loader import load_component
from headrace.isolation.guest.editor_proxy import RemoteEditorContext
from headrace.isolation.guest.error_text import describe_error
from headrace.isolation.guest.guest_run import GuestRun
from headrace.isolation.guest.limit_errors import exhaustion
from headrace.isolation.guest.python_runner import run_python
from headrace.isolation.guest.thread_pool import CountingExecutor
from headrace.isolation.guest.worker_context import WorkerEgress
from headrace.isolation.rpc.class_description import describe_class
from headrace.isolation.rpc.connection import RpcConnection
from headrace.isolation.rpc.decoding import decode
from headrace.isolation.rpc.encoding import encode, encode_as_text
from headrace.isolation.rpc.frames import FrameLimits

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

    from headrace.component.component import Component
    from headrace.isolation.guest.socket_patch import Network
    from headrace.isolation.limits import ResourceLimits


class WorkerService:
    """Serves the requests of the server: loads classes, computes outputs, runs Python."""

    def __init__(
        self,
        reader: StreamReader,
        writer: StreamWriter,
        limits: ResourceLimits,
        network: Network,
        confinement: dict[str, bool],
    ) -> None:
        """Create a service; `run` serves the connection.

        Args:
            reader: receives frames of the server.
            writer: sends frames to the server.
            limits: named in the texts of errors that they cause.
            network: opens network connections.
            confinement: whether the kernel supports each feature that confines this process.

        """
        self._limits = limits
        self._network = network
        self._confinement = confinement
        #: Component classes by the digest of their code.
        self._classes: dict[str, type[Component]] = {}
        self._runs: dict[int, GuestRun] = {}
        self._threads = CountingExecutor()
        self._connection = RpcConnection(
            reader,
            writer,
            self._on_request,
            self._on_notification,
            self._describe_error,
            FrameLimits(limits.max_value_mib, limits.max_value_items),
        )

    async def run(self) -> None:
        """Serve the connection until the server ends."""
        # Also counts threads that code starts through the event loop, such as those of synchronous tools.
        asyncio.get_running_loop().set_default_executor(self._threads)
        await self._connection.run()

    async def _on_request(self, op: str, args: dict[str, Any]) -> Any:
        if op == "load_class":
            return await self._load_class(args["code"])
        if op == "run_output":
            return await self._get_run(args).run_output(self._classes[args["digest"]], args)
        if op == "run_python":
            return await self._run_python(args)
        if op == "update_node":
            return await self._update_node(args)
        if op == "get_status":
            return {
                "busy_threads": self._threads.busy_threads,
                "confinement": self._confinement,
            }
        return await self._runs[args["run"]].handle_request(op, args)

    def _on_notification(self, op: str, args: dict[str, Any]) -> None:
        if op == "close_run":
            run = self._runs.pop(args["run"], None)
            if run is not None:
                run.context.close()

    def _describe_error(self, error: BaseException) -> str:
        return describe_error(error, self._limits)

    async def _run_in_thread(self, work: Callable[[], Any]) -> Any:
        try:
            future = asyncio.get_running_loop().run_in_executor(None, copy_context().run, work)
        except RuntimeError as error:
            raise (exhaustion(error) or error) from error.__cause__
        try:
            return await asyncio.shield(future)
        except (OSError, RuntimeError) as error:
            raise (exhaustion(error) or error) from error.__cause__
        except asyncio.CancelledError:
            # A thread cannot be stopped. The cancelled request is answered when the thread has ended, so that the server
            # stops the process if it does not end.
            await asyncio.wait({future})
            raise

    async def _load_class(self, code: str) -> dict[str, Any]:
        digest = hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
        component = await self._run_in_thread(lambda: load_component(code))
        self._classes[digest] = component
        return describe_class(component)

    def _get_run(self, args: dict[str, Any]) -> GuestRun:
        """Return the run of a request, creating it on first use."""
        number = args["run"]
        run = self._runs.get(number)
        if run is None:
            run = GuestRun(number, args["context"], self._connection, self._network, self._run_in_thread)
            self._runs[number] = run
        return run

    async def _run_python(self, args: dict[str, Any]) -> dict[str, Any]:
        names = decode(args["names"], list)
        stdout, value = await self._run_in_thread(
            lambda: run_python(args["source"], names, args["imports"], args["expression"])
        )
        return {"stdout": stdout, "value": encode(value, encode_as_text)}

    async def _update_node(self, args: dict[str, Any]) -> Any:
        editor = RemoteEditorContext(self._connection, args["edit"], WorkerEgress(self._network))
        component = self._classes[args["digest"]]
        node = await component.on_field_change(decode(args["node"], list), args["field"], editor)
        return encode(node, encode_as_text)
