"""The worker's part of a run: its context, its objects and the components that it has created."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from headrace.compat.active_run import ActiveRun, call_in_run
from headrace.component.component import Component, ComponentError
from headrace.component.component_run import run_of
from headrace.component.source_view import SourceView
from headrace.isolation.guest.worker_context import WorkerContext
from headrace.isolation.rpc.encoding import encode, encode_as_text
from headrace.isolation.rpc.object_table import MODEL_OPERATIONS, ObjectTable
from headrace.models.usage import RunUsage, current_usage, current_vertex

if TYPE_CHECKING:
    from headrace.isolation.guest.socket_patch import Network
    from headrace.isolation.rpc.connection import RpcConnection
    from headrace.schema.token_usage import TokenUsage

#: Runs a function in a thread and returns its result.
RunInThread = Callable[[Callable[[], Any]], Awaitable[Any]]


class ReportedUsage(RunUsage):
    """Reports the tokens of each call to the server."""

    __slots__ = ("_context", "_loop")

    def __init__(self, context: WorkerContext) -> None:
        super().__init__()
        self._context = context
        self._loop = asyncio.get_running_loop()

    def add(self, vertex_id: str, usage: TokenUsage) -> None:
        """Report the tokens of a call, before the response to the request that made it. Threads may call it."""
        try:
            is_on_loop = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            is_on_loop = False
        if is_on_loop:
            self._context.report_usage(vertex_id, usage)
        else:
            self._loop.call_soon_threadsafe(self._context.report_usage, vertex_id, usage)


class GuestRun:
    """One run in this process."""

    def __init__(
        self,
        number: int,
        fields: Mapping[str, Any],
        connection: RpcConnection,
        network: Network,
        run_in_thread: RunInThread,
    ) -> None:
        """Create the worker's part of a run.

        Args:
            number: identifies the run on the connection.
            fields: the fields of the run's context that the server sends.
            connection: sends requests to the server.
            network: opens network connections.
            run_in_thread: runs synchronous code of components.

        """

        async def request(op: str, args: dict[str, Any]) -> Any:
            return await connection.request(op, {"run": number, "vertex": current_vertex.get(), **args})

        self.objects = ObjectTable(request, allow_opaque=True)
        self.context = WorkerContext(number, fields, connection, self.objects, network)
        self._usage = ReportedUsage(self.context)
        self._run_in_thread = run_in_thread
        self._components: dict[int, Component] = {}

    async def handle_request(self, op: str, args: dict[str, Any]) -> Any:
        """Perform an operation on an object of this run; see `ObjectTable.handle_request`.

        Raises:
            Exception: any exception of the object.

        """
        if op not in MODEL_OPERATIONS:
            current_usage.set(self._usage)
            current_vertex.set(args["vertex"])
        return await self.objects.handle_request(op, args)

    async def run_output(self, component_class: type[Component], args: dict[str, Any]) -> dict[str, Any]:
        """Serve the operation `run_output`: compute an output of a component.

        Raises:
            ComponentError: the component has no such output.
            Exception: any exception of the component.

        """
        await self._create_models(args["models"])
        self.context.shared_state.update(self.objects.decode(args["shared"]))
        component = self._components.get(args["instance"])
        if component is None:
            component = self._components[args["instance"]] = await self._create_component(component_class, args)
        output = type(component).output(args["output"])
        if output is None:
            raise ComponentError(f"Component {type(component).display_name} has no output {args['output']!r}.")
        method = type(component).output_method(component, output)
        # Each request is a task, whose context variables are its own.
        current_vertex.set(args["vertex"])
        current_usage.set(self._usage)
        value = await method() if inspect.iscoroutinefunction(method) else await self._run_in_thread(method)
        shared = {k: v for k, v in self.context.shared_state.items() if isinstance(k, str)}
        return {
            "value": self.objects.encode(value),
            "stopped": sorted(run_of(component).closed_outputs),
            "logs": encode(run_of(component).logs, encode_as_text),
            "shared": encode(shared, encode_as_text),
        }

    async def _create_models(self, specs: list[list[Any]]) -> None:
        """Create the models that the values of a call refer to, from number, provider and settings."""
        for number, provider, settings in specs:
            from headrace.models.provider import ModelSettings, chat_model, provider_named

            model = await chat_model(provider_named(provider), ModelSettings(**settings), self.context)
            self.objects.models[number] = model

    async def _create_component(self, component_class: type[Component], args: dict[str, Any]) -> Component:
        vertex_id, values = args["vertex"], self.objects.decode(args["values"])
        sources = tuple(SourceView(**source) for source in args["sources"])
        active_run = ActiveRun(self.context, asyncio.get_running_loop())
        component: Component = await self._run_in_thread(
            lambda: call_in_run(active_run, lambda: component_class.create(vertex_id, self.context, values, sources))
        )
        return component
