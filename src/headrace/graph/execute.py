"""Runs a plan: a vertex starts the moment its inputs are there."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from headrace.graph.errors import RunError
from headrace.graph.events import Event, VertexEnded, VertexStarted
from headrace.graph.result import VertexResult
from headrace.schema import Message

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from headrace.component.component import Component
    from headrace.component.context import RunContext
    from headrace.graph.flow import NodeId
    from headrace.graph.plan import Plan, Vertex

Overlay = Mapping[str, Mapping[str, Any]]


class Execution:
    """One run of a plan. Values live here and die with it."""

    def __init__(
        self, plan: Plan, context: RunContext, overlay: Overlay, emit: Callable[[Event], None] | None, threads: Executor
    ) -> None:
        """Set up a run.

        Args:
            plan: the compiled flow.
            context: what the components may ask of the run.
            overlay: vertex id to field to the value that this run puts over the plan's.
            emit: told every event, as it happens; must not block. None where nobody watches.
            threads: where blocking component methods run.

        """
        self._plan = plan
        self._context = context
        self._overlay = overlay
        self._emit = emit
        self._threads = threads
        self._components: dict[NodeId, Component] = {}
        self._results: dict[NodeId, VertexResult] = {}

    async def run(self) -> Mapping[NodeId, VertexResult]:
        """Run every vertex once and return their results in the plan's order.

        A failure or a cancellation stops all that still runs before it leaves here.

        Raises:
            RunError: a vertex failed; names it and the cause.

        """
        waiting = {i: len(v.predecessors) for i, v in self._plan.vertices.items()}
        running: dict[asyncio.Task[None], NodeId] = {}
        ready = [i for i, count in waiting.items() if count == 0]
        # What is said is stored before any history is read.
        ready.sort(key=lambda i: self._plan.vertices[i].component.takes_input is None)
        try:
            while ready or running:
                if len(ready) == 1 and not running:
                    done_ids = [ready.pop()]
                    await self._run_vertex(self._plan.vertices[done_ids[0]])
                else:
                    running.update({asyncio.create_task(self._run_vertex(self._plan.vertices[i])): i for i in ready})
                    ready = []
                    done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    done_ids = [running.pop(task) for task in done]
                    for task in done:
                        task.result()
                for finished in done_ids:
                    for successor in self._plan.vertices[finished].successors:
                        waiting[successor] -= 1
                        if waiting[successor] == 0:
                            ready.append(successor)
        finally:
            for task in running:
                task.cancel()
            if running:
                await asyncio.gather(*running, return_exceptions=True)
        return {i: self._results[i] for i in self._plan.vertices}

    async def _run_vertex(self, vertex: Vertex) -> None:
        if self._emit is not None:
            self._emit(VertexStarted(vertex.id))
        begun = time.perf_counter()
        sources = tuple(self._components[feed.source] for feed in vertex.feeds)
        try:
            values = await self._values_of(vertex)
            component = vertex.component(vertex.id, self._context, values, sources)
            self._components[vertex.id] = component
            outputs = {name: await self._call(component, name) for name in vertex.outputs}
            for name in vertex.outputs:
                if name not in vertex.streamed:
                    await _settle(outputs[name])
        except Exception as error:
            raise RunError(vertex.display_name, vertex.id, _cause(error)) from error
        result = VertexResult(
            vertex.id,
            vertex.component.type_name(),
            vertex.display_name,
            outputs,
            vertex.component.gives_output,
            component.logs,
            time.perf_counter() - begun,
        )
        self._results[vertex.id] = result
        if self._emit is not None:
            self._emit(VertexEnded(result))

    async def _call(self, component: Component, output_name: str) -> object:
        output = next(o for o in component.outputs if o.name == output_name)
        method = getattr(component, output.method)
        if inspect.iscoroutinefunction(method):
            return await method()
        if component.blocking:
            return await asyncio.get_running_loop().run_in_executor(self._threads, method)
        return method()

    async def _values_of(self, vertex: Vertex) -> dict[str, Any]:
        overlay = self._overlay.get(vertex.id, {})
        values = {**vertex.values, **overlay}
        for name, variable in vertex.variables.items():
            if name not in overlay:
                values[name] = await self._context.variable(
                    variable.name, None if variable.is_secret else variable.name
                )
        fed: set[str] = set()
        for feed in vertex.feeds:
            value = self._results[feed.source].outputs[feed.output]
            if feed.field in vertex.list_fields:
                values[feed.field] = [*values[feed.field], value] if feed.field in fed else [value]
            else:
                values[feed.field] = value
            fed.add(feed.field)
        return values


async def _settle(value: object) -> None:
    if isinstance(value, Message) and value.stream is not None:
        value.text = "".join([chunk async for chunk in value.stream])
        value.stream = None


def _cause(error: Exception) -> str:
    return str(error) or type(error).__name__
