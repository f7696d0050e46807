"""Runs a plan: a vertex starts as soon as its inputs are ready."""

from __future__ import annotations

import time
from collections import ChainMap, deque
from collections.abc import AsyncIterator, Mapping, MutableMapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headrace.component.author_traceback import author_traceback, exception_text
from headrace.component.component import ComponentError
from headrace.component.component_run import run_of
from headrace.component.run_end import EndRun
from headrace.graph.component_calls import ComponentCalls
from headrace.graph.errors import MAX_CAUSE_CHARACTERS, RunError
from headrace.graph.events import Emit, VertexEnded, VertexStarted
from headrace.graph.field_values import Overlay, field_values
from headrace.graph.held_values import HeldValues
from headrace.graph.pace import RunPace
from headrace.graph.result import VertexResult
from headrace.graph.result_cache import CachedResult, fingerprint, is_cacheable
from headrace.graph.secret_text import remove_secrets
from headrace.graph.vertex import outputs_of
from headrace.graph.vertex_tasks import VertexTasks
from headrace.limits.byte_budget import current_budget
from headrace.models.model_request import model_request_of
from headrace.models.request_options import UnsupportedOptionError
from headrace.models.usage import current_usage, current_vertex
from headrace.schema import Message
from headrace.schema.text_size import chunk_size, read_stream

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from headrace.component.component import Component
    from headrace.component.context import RunContext
    from headrace.graph.flow import NodeId
    from headrace.graph.plan import Plan
    from headrace.graph.result_cache import ResultCache
    from headrace.graph.vertex import Loop, Vertex
    from headrace.schema.token_usage import TokenUsage

#: Items of one loop.
MAX_LOOP_ITEMS = 10_000
#: Vertices of one level that run at the same time. Others that are ready wait.
MAX_CONCURRENT_VERTICES = 500
#: A model's answer in the error messages of limits.
_ANSWER = "The answer of the model"


class Execution:
    """One run of a plan. Values live here and die with it."""

    def __init__(
        self,
        plan: Plan,
        context: RunContext,
        overlay: Overlay,
        emit: Emit | None,
        threads: Executor,
        frozen: ResultCache | None = None,
        pace: RunPace | None = None,
    ) -> None:
        """Set up a run.

        Args:
            plan: the compiled flow.
            context: the run as its components see it.
            overlay: values that override the plan's, by vertex id and field.
            emit: receives every event as it happens; None if the run has no consumer.
            threads: run the blocking methods of components.
            frozen: results of frozen vertices from earlier runs; None to run them each time.
            pace: the limits of computation; by default those of a run that has the event loop for itself.

        """
        self._pace = pace or RunPace()
        self._frozen = frozen
        self._plan = plan
        self._context = context
        self._overlay = overlay
        self._emit = emit
        self._threads = threads
        self._calls = ComponentCalls(threads)
        self._level = plan.level
        self._held = HeldValues(current_budget.get())
        self._usage = current_usage.get()
        self._components: MutableMapping[NodeId, Component] = {}
        self._results: MutableMapping[NodeId, VertexResult] = {}
        self._waiting: dict[NodeId, int] = {}
        #: Vertices that are still streaming, with the event that is emitted when the stream ends.
        self._streaming: dict[NodeId, VertexEnded | None] = {}
        #: Outputs that are closed in this run.
        self._closed_outputs: set[tuple[NodeId, str]] = set()

    async def run(self) -> Mapping[NodeId, VertexResult]:
        """Run every vertex that is reached, once, and return their results in the plan's order.

        A vertex is reached unless all its inputs, or all inputs of a required field, are closed. A failure or a
        cancellation stops the running vertices before it leaves this method.

        Raises:
            RunError: a vertex failed; names it and the cause.

        """
        try:
            await self._run_level()
        except EndRun:
            pass
        finally:
            self._held.release()
        return {i: self._results[i] for i in self._plan.vertices if i in self._results}

    async def _run_level(self) -> None:
        self._waiting = {i: len(v.predecessors) for i, v in self._level.items()}
        tasks = VertexTasks()
        # Inputs store the user's message before any component reads the history.
        ready = deque(
            sorted(
                (i for i, count in self._waiting.items() if count == 0),
                key=lambda i: self._level[i].component.input_kind is None,
            )
        )
        try:
            while ready or tasks:
                if len(ready) == 1 and not tasks:
                    ended = [ready.popleft()]
                    await self._run_vertex(self._level[ended[0]])
                else:
                    while ready and len(tasks) < MAX_CONCURRENT_VERTICES:
                        vertex_id = ready.popleft()
                        tasks.start(vertex_id, self._run_vertex(self._level[vertex_id]))
                    ended = await tasks.wait()
                for vertex_id in ended:
                    ready += await self._release_successors(vertex_id)
        finally:
            await tasks.cancel()

    async def _release_successors(self, finished: NodeId) -> list[NodeId]:
        """Return the vertices that can start now that one has finished, and emit its end."""
        following: list[NodeId] = []
        skipped: list[NodeId] = []
        left = [finished]
        while left:
            for successor in self._level[left.pop()].successors:
                self._waiting[successor] -= 1
                if self._waiting[successor]:
                    continue
                if not self._closed_outputs or self._is_reached(self._level[successor]):
                    following.append(successor)
                else:
                    # The outputs of a skipped vertex are closed, too.
                    self._closed_outputs |= outputs_of(self._level[successor])
                    skipped.append(successor)
                    left.append(successor)
        if self._emit is not None:
            ended = VertexEnded(self._results[finished], tuple(following), tuple(skipped))
            if finished in self._streaming:
                self._streaming[finished] = ended
            else:
                await self._emit_end(ended)
        return following

    async def _emit_end(self, ended: VertexEnded) -> None:
        encoding = self._emit(ended) if self._emit is not None else None
        if encoding is not None:
            await encoding

    async def _tee_stream(self, vertex: Vertex, message: Message, stream: AsyncIterator[str]) -> AsyncIterator[str]:
        """Yield the rest of a stream, and emit the end of its vertex after it.

        Raises:
            RunError: the stream failed; names the vertex that streams, not the one that consumes the stream.

        """
        chunks: list[str] = []
        with self._held.grow(_ANSWER) as growth:
            try:
                async for chunk in stream:
                    growth.add(chunk_size(chunk))
                    chunks.append(chunk)
                    yield chunk
            except EndRun:
                raise
            except Exception as error:
                raise _run_error(vertex, error) from error
            message.text = "".join(chunks)
        size = self._held.add_text(message.text, _ANSWER)
        result = self._results.get(vertex.id)
        if result is not None:
            result = replace(result, output_bytes=result.output_bytes + size, usage=self._usage_of(vertex))
            self._results[vertex.id] = result
        ended = self._streaming.pop(vertex.id, None)
        if result is not None and ended is not None:
            await self._emit_end(replace(ended, result=result))

    def _usage_of(self, vertex: Vertex) -> TokenUsage | None:
        """Return the tokens that models used for a vertex, or None."""
        usage = self._usage
        return usage.by_vertex.get(vertex.id) if usage is not None and usage.by_vertex else None

    def _is_reached(self, vertex: Vertex) -> bool:
        """Return whether a vertex has an open input, and one for each required field."""
        open_fields = {feed.field for feed in vertex.incoming if (feed.source, feed.output) not in self._closed_outputs}
        return bool(open_fields) and vertex.required_inputs <= open_fields

    async def _run_vertex(self, vertex: Vertex) -> None:
        started = time.perf_counter()
        if self._pace.is_due(started):
            await self._pace.pause()
            started = time.perf_counter()
        if self._emit is not None:
            self._emit(VertexStarted(vertex.id))
        feeds = vertex.incoming
        if self._closed_outputs:
            feeds = tuple(feed for feed in feeds if (feed.source, feed.output) not in self._closed_outputs)
        sources = tuple(self._components[feed.source] for feed in feeds)
        outer_vertex = current_vertex.set(vertex.id)
        try:
            self._pace.count(vertex)
            values = await field_values(vertex, feeds, self._results, self._context, self._overlay)
            component = vertex.component.create(vertex.id, self._context, values, sources)
            self._components[vertex.id] = component
            state = run_of(component)
            outputs, reused = await self._outputs(vertex, component, values)
            output_bytes, log_bytes = await self._held.add(outputs, state.logs, self._calls.in_thread)
        except (RunError, EndRun, UnsupportedOptionError):
            # From the stream of another vertex, or for the run's caller.
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            # A component that tries to exit the process only ends its run.
            raise _run_error(vertex, error) from error
        finally:
            current_vertex.reset(outer_vertex)
        result = VertexResult(
            vertex.id,
            vertex.component.type_name(),
            vertex.display_name,
            {name: value for name, value in outputs.items() if name not in state.closed_outputs},
            vertex.component.output_kind,
            state.logs,
            time.perf_counter() - started,
            reused,
            output_bytes,
            log_bytes,
            self._usage_of(vertex),
        )
        self._results[vertex.id] = result
        if state.closed_outputs:
            self._closed_outputs |= {(vertex.id, name) for name in state.closed_outputs}

    async def _outputs(
        self, vertex: Vertex, component: Component, values: Mapping[str, Any]
    ) -> tuple[dict[str, Any], bool]:
        """Return the values of a vertex by output, and whether they are from the cache."""
        mark = None
        is_frozen = vertex.frozen and vertex.loop is None and model_request_of(vertex.id) is None
        if is_frozen and self._frozen is not None:
            mark = await self._calls.in_thread(fingerprint, vertex.component, vertex.outputs, values)
            known = await self._calls.in_thread(self._frozen.get, vertex.id, mark) if mark is not None else None
            if known is not None:
                run_of(component).closed_outputs |= known.stopped
                return known.outputs, True
        called = vertex.outputs
        if vertex.loop is not None:
            run_of(component).loop_results = await self._run_loop(vertex, vertex.loop, component)
            called = tuple(name for name in called if name != vertex.loop.output)
        outputs = {name: await self._calls.output(component, name) for name in called}
        for name in called:
            if name in vertex.streaming_outputs and mark is None:
                self._defer_stream(vertex, outputs[name])
            else:
                await self._drain_stream(outputs[name])
        if mark is not None and self._frozen is not None and await self._calls.in_thread(is_cacheable, outputs):
            result = CachedResult(outputs, frozenset(run_of(component).closed_outputs))
            await self._calls.in_thread(self._frozen.put, vertex.id, mark, result)
        return outputs, False

    async def _run_loop(self, vertex: Vertex, loop: Loop, component: Component) -> list[object]:
        """Run a loop's body once per item, in order, and return the result of each."""
        items = await self._calls.in_thread(type(component).items, component)
        if len(items) > MAX_LOOP_ITEMS:
            raise ComponentError(
                f"The loop has {len(items)} items; at most {MAX_LOOP_ITEMS} are allowed. Split the items into several runs."
            )
        if not items:
            self._closed_outputs |= {o for inner in loop.body.values() for o in outputs_of(inner)}
        collected: list[object] = []
        for item in items:
            inside = Execution(
                self._plan, self._context, self._overlay, self._emit, self._threads, self._frozen, self._pace
            )
            inside._level = loop.body
            inside._results = ChainMap({}, self._results)
            inside._components = ChainMap({vertex.id: component}, self._components)
            inside._closed_outputs = set(self._closed_outputs)
            inside._results[vertex.id] = VertexResult(
                vertex.id, vertex.component.type_name(), vertex.display_name, {loop.output: item}
            )
            inside._held = self._held.inner()
            try:
                await inside._run_level()
            finally:
                inside._held.release()
            source, output = loop.feedback
            if source in inside._results and output in inside._results[source].outputs:
                collected.append(inside._results[source].outputs[output])
                await self._held.add({loop.output: collected[-1]}, None, self._calls.in_thread)
            # Vertices outside the body see the results of the last item.
            self._results.update({i: r for i, r in inside._results.maps[0].items() if i != vertex.id})
            self._components.update(inside._components.maps[0])
        return collected

    def _defer_stream(self, vertex: Vertex, value: object) -> None:
        if isinstance(value, Message) and value.stream is not None:
            if self._emit is not None:
                self._streaming[vertex.id] = None
            value.stream = self._tee_stream(vertex, value, value.stream)

    async def _drain_stream(self, value: object) -> None:
        if isinstance(value, Message) and value.stream is not None:
            value.text, value.stream = await read_stream(value.stream, _ANSWER), None


def _run_error(vertex: Vertex, error: BaseException) -> RunError:
    traceback = author_traceback(error)
    # Authors write keys into their code, although they should not.
    traceback = remove_secrets(traceback) if traceback is not None else None
    return RunError(vertex.display_name, vertex.id, exception_text(error)[:MAX_CAUSE_CHARACTERS], traceback)
