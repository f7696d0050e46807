"""Runs a plan: a vertex starts the moment its inputs are there."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections import ChainMap
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from headrace.component.component import ComponentError
from headrace.graph.errors import RunError
from headrace.graph.events import Event, VertexEnded, VertexStarted
from headrace.graph.frozen import Remembered, can_be_remembered, fingerprint
from headrace.graph.result import VertexResult
from headrace.schema import Message

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from headrace.component.component import Component
    from headrace.component.context import RunContext
    from headrace.graph.flow import NodeId
    from headrace.graph.frozen import Recollection
    from headrace.graph.loops import Loop
    from headrace.graph.plan import Feed, Plan, Vertex

log = logging.getLogger(__name__)

#: A loop takes at most so many items.
MOST_ITEMS = 10_000

Overlay = Mapping[str, Mapping[str, Any]]


class Execution:
    """One run of a plan. Values live here and die with it."""

    def __init__(
        self,
        plan: Plan,
        context: RunContext,
        overlay: Overlay,
        emit: Callable[[Event], None] | None,
        threads: Executor,
        frozen: Recollection | None = None,
    ) -> None:
        """Set up a run.

        Args:
            plan: the compiled flow.
            context: what the components may ask of the run.
            overlay: vertex id to field to the value that this run puts over the plan's.
            emit: told every event, as it happens; must not block. None where nobody watches.
            threads: where blocking component methods run.
            frozen: what frozen vertices gave before; None where they run each time.

        """
        self._frozen = frozen
        self._plan = plan
        self._context = context
        self._overlay = overlay
        self._emit = emit
        self._threads = threads
        self._level = plan.level
        self._components: MutableMapping[NodeId, Component] = {}
        self._results: MutableMapping[NodeId, VertexResult] = {}
        self._waiting: dict[NodeId, int] = {}
        #: Vertices whose model still speaks, with the end that is told when it has done.
        self._speaking: dict[NodeId, VertexEnded | None] = {}
        #: Outputs that lead nowhere in this run.
        self._closed: set[tuple[NodeId, str]] = set()

    async def run(self) -> Mapping[NodeId, VertexResult]:
        """Run every vertex that is reached, once, and return their results in the plan's order.

        A vertex is reached unless all that leads to it, or to a field that needs a value, was closed.

        A failure or a cancellation stops all that still runs before it leaves here.

        Raises:
            RunError: a vertex failed; names it and the cause.

        """
        await self._run_level()
        return {i: self._results[i] for i in self._plan.vertices if i in self._results}

    async def _run_level(self) -> None:
        self._waiting = {i: len(v.predecessors) for i, v in self._level.items()}
        running: dict[asyncio.Task[None], NodeId] = {}
        ready = [i for i, count in self._waiting.items() if count == 0]
        # What is said is stored before any history is read.
        ready.sort(key=lambda i: self._level[i].component.takes_input is None)
        try:
            while ready or running:
                if len(ready) == 1 and not running:
                    done_ids = [ready.pop()]
                    await self._run_vertex(self._level[done_ids[0]])
                else:
                    running.update({asyncio.create_task(self._run_vertex(self._level[i])): i for i in ready})
                    ready = []
                    done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    done_ids = [running.pop(task) for task in done]
                    for task in done:
                        task.result()
                for finished in done_ids:
                    ready += self._after(finished)
        finally:
            for task in running:
                task.cancel()
            if running:
                await asyncio.gather(*running, return_exceptions=True)

    def _after(self, finished: NodeId) -> list[NodeId]:
        """Return the vertices that can begin now that one is done, and tell whoever watches."""
        following: list[NodeId] = []
        skipped: list[NodeId] = []
        left = [finished]
        while left:
            for successor in self._level[left.pop()].successors:
                self._waiting[successor] -= 1
                if self._waiting[successor]:
                    continue
                if not self._closed or self._is_reached(self._level[successor]):
                    following.append(successor)
                else:
                    # What is skipped gives nothing: all its outputs are closed too.
                    self._closed |= _outputs_of(self._level[successor])
                    skipped.append(successor)
                    left.append(successor)
        if self._emit is not None:
            ended = VertexEnded(self._results[finished], tuple(following), tuple(skipped))
            if finished in self._speaking:
                self._speaking[finished] = ended
            else:
                self._emit(ended)
        return following

    async def _said(self, vertex: Vertex, message: Message, stream: AsyncIterator[str]) -> AsyncIterator[str]:
        """Yield what a model still says, and tell that its vertex has ended only once it has said all.

        Raises:
            RunError: the model failed in the middle; names its vertex, not the one that listens.

        """
        chunks: list[str] = []
        try:
            async for chunk in stream:
                chunks.append(chunk)
                yield chunk
        except Exception as error:
            raise RunError(vertex.display_name, vertex.id, _cause(error)) from error
        message.text = "".join(chunks)
        ended = self._speaking.pop(vertex.id, None)
        if self._emit is not None and ended is not None:
            self._emit(ended)

    def _is_reached(self, vertex: Vertex) -> bool:
        """Return whether an open output leads to a vertex, and one to each field that needs it."""
        open_fields = {feed.field for feed in vertex.feeds if (feed.source, feed.output) not in self._closed}
        return bool(open_fields) and vertex.needs <= open_fields

    async def _run_vertex(self, vertex: Vertex) -> None:
        if self._emit is not None:
            self._emit(VertexStarted(vertex.id))
        begun = time.perf_counter()
        feeds = vertex.feeds
        if self._closed:
            feeds = tuple(feed for feed in feeds if (feed.source, feed.output) not in self._closed)
        sources = tuple(self._components[feed.source] for feed in feeds)
        try:
            values = await self._values_of(vertex, feeds)
            component = vertex.component.made(vertex.id, self._context, values, sources)
            self._components[vertex.id] = component
            outputs, reused = await self._outputs(vertex, component, values)
        except RunError:
            # Of the vertex whose words this one passes on.
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            # A component that would end the process ends its run.
            raise RunError(vertex.display_name, vertex.id, _cause(error)) from error
        result = VertexResult(
            vertex.id,
            vertex.component.type_name(),
            vertex.display_name,
            {name: value for name, value in outputs.items() if name not in component.stopped},
            vertex.component.gives_output,
            component.logs,
            time.perf_counter() - begun,
            reused,
        )
        self._results[vertex.id] = result
        if component.stopped:
            self._closed |= {(vertex.id, name) for name in component.stopped}

    async def _outputs(
        self, vertex: Vertex, component: Component, values: Mapping[str, Any]
    ) -> tuple[dict[str, Any], bool]:
        """Return what a vertex gives by output, and whether that is what it gave before."""
        mark = None
        if vertex.frozen and vertex.loop is None and self._frozen is not None:
            mark = fingerprint(vertex.component, vertex.outputs, values)
            known = self._frozen.recall(vertex.id, mark) if mark is not None else None
            if known is not None:
                component.stopped |= known.stopped
                return known.outputs, True
        called = vertex.outputs
        if vertex.loop is not None:
            component.collected = await self._repeat(vertex, vertex.loop, component)
            called = tuple(name for name in called if name != vertex.loop.output)
        outputs = {name: await self._call(component, name) for name in called}
        for name in called:
            if name in vertex.streamed and mark is None:
                self._listen(vertex, outputs[name])
            else:
                await _settle(outputs[name])
        if mark is not None and self._frozen is not None and can_be_remembered(outputs):
            self._frozen.remember(vertex.id, mark, Remembered(outputs, frozenset(component.stopped)))
        return outputs, False

    async def _repeat(self, vertex: Vertex, loop: Loop, component: Component) -> list[object]:
        """Run a loop's body once for each item, one after the other, and return what each gave back."""
        items = component.items()
        if len(items) > MOST_ITEMS:
            raise ComponentError(f"{len(items)} items are more than the {MOST_ITEMS} that a loop takes. Split them.")
        if not items:
            self._closed |= {o for inner in loop.body.values() for o in _outputs_of(inner)}
        collected: list[object] = []
        for item in items:
            inside = Execution(self._plan, self._context, self._overlay, self._emit, self._threads, self._frozen)
            inside._level = loop.body
            inside._results = ChainMap({}, self._results)
            inside._components = ChainMap({vertex.id: component}, self._components)
            inside._closed = set(self._closed)
            inside._results[vertex.id] = VertexResult(
                vertex.id, vertex.component.type_name(), vertex.display_name, {loop.output: item}
            )
            await inside._run_level()
            source, output = loop.back
            if source in inside._results and output in inside._results[source].outputs:
                collected.append(inside._results[source].outputs[output])
            # What lies outside the body sees what the last item gave.
            self._results.update({i: r for i, r in inside._results.maps[0].items() if i != vertex.id})
            self._components.update(inside._components.maps[0])
        return collected

    def _listen(self, vertex: Vertex, value: object) -> None:
        if isinstance(value, Message) and value.stream is not None:
            if self._emit is not None:
                self._speaking[vertex.id] = None
            value.stream = self._said(vertex, value, value.stream)

    async def _call(self, component: Component, output_name: str) -> object:
        """Return an output's value, tried again as often as the component says."""
        for _ in range(component.retries):
            try:
                return await self._try(component, output_name)
            except Exception as error:
                log.info("%s failed with %s and is tried again", component.id, type(error).__name__)
        return await self._try(component, output_name)

    async def _try(self, component: Component, output_name: str) -> object:
        if component.timeout is None:
            return await self._value(component, output_name)
        try:
            async with asyncio.timeout(component.timeout) as limit:
                return await self._value(component, output_name)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise ComponentError(f"It took longer than {component.timeout:g} s.") from error

    async def _value(self, component: Component, output_name: str) -> object:
        output = component.output(output_name)
        if output is None:
            raise ComponentError(f"There is no output {output_name!r}.")
        method = component.method_of(output)
        if inspect.iscoroutinefunction(method):
            return await method()
        if component.blocking:
            return await asyncio.get_running_loop().run_in_executor(self._threads, method)
        return method()

    async def _values_of(self, vertex: Vertex, feeds: tuple[Feed, ...]) -> dict[str, Any]:
        overlay = self._overlay.get(vertex.id, {})
        values = {**vertex.values, **overlay}
        for name, variable in vertex.variables.items():
            if name not in overlay:
                values[name] = await self._context.variable(
                    variable.name, None if variable.is_secret else variable.name
                )
        fed: set[str] = set()
        for feed in feeds:
            value = self._results[feed.source].outputs[feed.output]
            if feed.field in vertex.list_fields:
                values[feed.field] = [*values[feed.field], value] if feed.field in fed else [value]
            else:
                values[feed.field] = value
            fed.add(feed.field)
        return values


def _outputs_of(vertex: Vertex) -> set[tuple[NodeId, str]]:
    """Return the outputs of a vertex, and of all that it repeats."""
    inner = vertex.loop.body.values() if vertex.loop is not None else ()
    return {(vertex.id, name) for name in vertex.outputs}.union(*(_outputs_of(v) for v in inner))


async def _settle(value: object) -> None:
    if isinstance(value, Message) and value.stream is not None:
        value.text = "".join([chunk async for chunk in value.stream])
        value.stream = None


def _cause(error: BaseException) -> str:
    return str(error) or type(error).__name__
