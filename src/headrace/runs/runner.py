"""Runs stored flows: finds the plan, executes it, and answers once everything is committed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.component.context import FlowAnswer, FlowCall
from headrace.errors import HeadraceError, TryAgainError
from headrace.graph.errors import RunError
from headrace.graph.events import Event
from headrace.graph.execute import Execution
from headrace.graph.flow import Node, parse_flow
from headrace.graph.plan import Plan, compile_plan
from headrace.runs.context import ServerContext, TooDeepError
from headrace.runs.frozen_results import FrozenResults
from headrace.runs.keeping import Keeping
from headrace.runs.overlay import TweakError, overlay_of
from headrace.runs.request import RunRequest
from headrace.runs.wire import answer_json
from headrace.store import flows

if TYPE_CHECKING:
    from headrace.component.component import Component
    from headrace.component.registry import Registry
    from headrace.files.shelf import Shelf
    from headrace.graph.plan import Vertex
    from headrace.runs.keeping import KeepingLimits
    from headrace.runs.people_code import PeopleCode
    from headrace.runs.surroundings import Surroundings
    from headrace.store.secrets import VariableCipher
    from headrace.store.store import Store

log = logging.getLogger(__name__)

PLANS_KEPT = 256
HEADS_KEPT = 10_000
#: A remembered flow version is looked up again after so many seconds, in case another program changed the database.
REMEMBER_SECONDS = 1.0
THREADS = 32
#: So many flows may call each other, one within the other.
MOST_WITHIN = 8
#: A watcher that reads slowly may fall so many events behind.
EVENTS_HELD = 10_000


class FlowNotFoundError(HeadraceError):
    """The caller has no flow under this id or endpoint name."""

    def __init__(self, id_or_name: str) -> None:
        super().__init__(f"Flow identifier {id_or_name} not found")


class RunTimeoutError(HeadraceError):
    """A run took longer than the operator allows."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The run took longer than {seconds:g} s and was stopped. An operator can raise HEADRACE_RUN_TIMEOUT."
        )


class TooManyRunsError(TryAgainError):
    """So many runs are under way that no other begins."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"{most} runs are under way, and no more at once. Try again in a moment; an operator can raise HEADRACE_MAX_RUNS.",
            seconds=1,
        )


class UnexpectedRunError(HeadraceError):
    """A run ended in an error that nobody foresaw; the log has it."""

    def __init__(self) -> None:
        super().__init__("The server failed at this run. Its log says why.")


class SlowWatcherError(HeadraceError):
    """A watcher stopped reading a run's events."""

    def __init__(self) -> None:
        super().__init__("The run was stopped: its events were not read fast enough.")


@dataclass(frozen=True, slots=True)
class Target:
    """A flow that a caller may run, with its plan."""

    flow_id: UUID
    plan: Plan


class Runner:
    """Runs flows of their owners."""

    def __init__(
        self,
        *,
        store: Store,
        registry: Registry,
        around: Surroundings,
        cipher: VariableCipher,
        fallback: bool,
        timeout: float,
        most: int,
        heartbeat: float,
        limits: KeepingLimits,
        code: PeopleCode,
        shelf: Shelf,
    ) -> None:
        """Set up.

        Args:
            store: where flows, messages and variables are.
            registry: the components that there are.
            around: what runs reach beside the database.
            cipher: decrypts variables.
            fallback: whether the environment stands in for a variable that isn't stored.
            timeout: the longest run, seconds.
            most: so many runs at once.
            heartbeat: a stream tells after so long that it has nothing to tell, seconds.
            limits: how much is kept of what runs gave.
            code: people's own components, those that may run.
            shelf: the owners' files.

        """
        self._store = store
        self._registry = registry
        self._around = around
        self._cipher = cipher
        self._fallback = fallback
        self._timeout = timeout
        self._most = most
        self._heartbeat = heartbeat
        self._limits = limits
        self._code = code
        self._shelf = shelf
        #: The codes in a cached plan, which may lose their approval while it is cached.
        self._codes: dict[tuple[UUID, int], dict[str, Node]] = {}
        self._running = 0
        self._frozen = FrozenResults()
        self._plans: OrderedDict[tuple[UUID, int], Plan] = OrderedDict()
        self._heads: OrderedDict[tuple[UUID, str], tuple[UUID, int, float]] = OrderedDict()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="component")

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def forget(self, owner: UUID) -> None:
        """Look an owner's flows up again: one was changed or deleted."""
        for key in [k for k in self._heads if k[0] == owner]:
            del self._heads[key]

    def forget_plans(self) -> None:
        """Compile each flow anew: a component has changed."""
        self._plans.clear()
        self._codes.clear()

    async def target(self, owner: UUID, id_or_name: str) -> Target:
        """Return a flow ready to run.

        Raises:
            FlowNotFoundError: the owner has no such flow.
            FlowError: the flow can't be run as it is drawn.

        """
        known = self._heads.get((owner, id_or_name))
        if known is None or known[2] < time.monotonic():
            known = await self._look_up(owner, id_or_name)
        flow_id, version, _ = known
        plan = self._plans.get((flow_id, version))
        if plan is None:
            plan = await self._compile(owner, flow_id, version, id_or_name)
        else:
            self._plans.move_to_end((flow_id, version))
            if (flow_id, version) in self._codes:
                await self._code.check(self._codes[flow_id, version])
                await self._code.make_room(owner)
        return Target(flow_id, plan)

    async def _look_up(self, owner: UUID, id_or_name: str) -> tuple[UUID, int, float]:
        async with self._store.reading() as connection:
            row = await flows.head(connection, owner, id_or_name)
        if row is None:
            self._heads.pop((owner, id_or_name), None)
            raise FlowNotFoundError(id_or_name)
        known = (row["id"], row["version"], time.monotonic() + REMEMBER_SECONDS)
        if self._store.sole_writer:
            self._heads[owner, id_or_name] = known
            if len(self._heads) > HEADS_KEPT:
                self._heads.popitem(last=False)
        return known

    async def _compile(self, owner: UUID, flow_id: UUID, version: int, id_or_name: str) -> Plan:
        async with self._store.reading() as connection:
            row = await flows.one(connection, owner, flow_id)
        if row is None:
            raise FlowNotFoundError(id_or_name)
        plan, codes = await self._planned(owner, row["data"])
        if row["version"] == version:
            self._plans[flow_id, version] = plan
            if codes:
                self._codes[flow_id, version] = codes
            if len(self._plans) > PLANS_KEPT:
                oldest, _ = self._plans.popitem(last=False)
                self._codes.pop(oldest, None)
        return plan

    def component_of_code(self, code: str) -> type[Component] | None:
        """Return the server's own component whose source this is, or None."""
        return self._registry.find_by_code(code)

    def check_room(self) -> None:
        """Raise TooManyRunsError where as many runs are under way as are allowed."""
        if self._running >= self._most:
            raise TooManyRunsError(self._most)

    async def planned(self, owner: UUID, drawing: object) -> Plan:
        """Return the plan of an owner's drawing that is not stored. Code in it runs where it is approved already.

        Raises:
            FlowError: it can't be run as it is drawn.

        """
        plan, _ = await self._planned(owner, drawing)
        return plan

    async def _planned(self, owner: UUID, drawing: object) -> tuple[Plan, dict[str, Node]]:
        """Return the plan of a drawing, and the nodes with code of their own by the marks of their code."""
        flow = parse_flow(drawing)
        own, codes = await self._code.classes(owner, flow)
        return compile_plan(flow, self._registry, own), codes

    async def run(
        self, owner: UUID, target: Target, request: RunRequest, emit: Callable[[Event], None] | None = None
    ) -> dict[str, Any]:
        """Run a flow and return its answer as JSON, after all that it stored is committed.

        Raises:
            TweakError: the request contradicts itself or names an output that isn't there.
            RunError: a vertex failed.
            RunTimeoutError: the run took too long.
            TooManyRunsError: as many run already as are allowed.

        """
        self.check_room()
        session_id = request.session_id or str(target.flow_id)
        context = self._context(owner, target, request, emit)
        keeping = None
        if request.keep_as is not None:
            keeping = Keeping(self._store, self._limits, owner, target, request.keep_as)
            emit = keeping.beside(emit)
        overlay = overlay_of(target.plan, request)
        wanted = wanted_vertices(target.plan, request)
        self._running += 1
        try:
            async with asyncio.timeout(self._timeout):
                frozen = self._frozen.of(owner, target.flow_id, session_id, request.origin)
                results = await Execution(target.plan, context, overlay, emit, self._threads, frozen).run()
        except TimeoutError as error:
            raise RunTimeoutError(self._timeout) from error
        finally:
            self._running -= 1
            await context.close()
            if keeping is not None:
                await keeping.settle()
        return answer_json(session_id, request.input_value, [results[i] for i in results if i in wanted])

    def _context(
        self,
        owner: UUID,
        target: Target,
        request: RunRequest,
        emit: Callable[[Event], None] | None = None,
        within: tuple[str, ...] = (),
    ) -> ServerContext:
        return ServerContext(
            store=self._store,
            owner=owner,
            flow_id=str(target.flow_id),
            session_id=request.session_id or str(target.flow_id),
            streaming=request.stream,
            emit=emit,
            around=self._around,
            fallback=self._fallback,
            cipher=self._cipher,
            variables=request.variables,
            call=self._call,
            shelf=self._shelf,
            code=self._code,
            origin=request.origin,
            within=within,
        )

    async def _call(self, caller: ServerContext, call: FlowCall) -> FlowAnswer:
        """Run a flow within a run, on that run's time and in its place among those under way."""
        if len(caller.within) > MOST_WITHIN:
            raise TooDeepError(MOST_WITHIN)
        target = await self._target_by_any_name(caller.owner, call.flow)
        request = RunRequest(
            input_value=call.input_value,
            session_id=call.session_id or caller.session_id,
            tweaks=call.tweaks,
            variables=caller.variables,
            origin=caller.origin,
        )
        context = self._context(caller.owner, target, request, within=caller.within)
        try:
            results = await Execution(target.plan, context, overlay_of(target.plan, request), None, self._threads).run()
        finally:
            await context.close()
        answers = wanted_vertices(target.plan, replace(request, output_type="any"))
        return FlowAnswer({i: r.outputs for i, r in results.items()}, tuple(i for i in results if i in answers))

    async def _target_by_any_name(self, owner: UUID, name: str) -> Target:
        try:
            return await self.target(owner, name)
        except FlowNotFoundError:
            async with self._store.reading() as connection:
                flow_id = await flows.id_of_name(connection, owner, name)
            if flow_id is None:
                raise
            return await self.target(owner, str(flow_id))

    async def field_value(self, owner: UUID, target: Target, vertex: Vertex, name: str) -> str:
        """Return the text in a vertex's field, or what the variable that it names holds; empty where there is none.

        Raises:
            MissingVariableError: the field names a secret that the owner doesn't have.

        """
        variable = vertex.variables.get(name)
        if variable is None:
            return str(vertex.values.get(name) or "")
        return await self._context(owner, target, RunRequest()).variable(
            variable.name, None if variable.is_secret else variable.name
        )

    async def stream(
        self, owner: UUID, target: Target, request: RunRequest
    ) -> AsyncIterator[Event | dict[str, Any] | HeadraceError | None]:
        """Run a flow and yield its events, then its answer or the error it ended in. Leaving early cancels the run.

        Where nothing happens for a while, None says that it still runs.
        """
        events: asyncio.Queue[Event] = asyncio.Queue(EVENTS_HELD)
        run: asyncio.Task[dict[str, Any]]

        def emit(event: Event) -> None:
            if events.full():
                raise SlowWatcherError
            events.put_nowait(event)

        run = asyncio.create_task(self.run(owner, target, request, emit))
        try:
            while not run.done() or not events.empty():
                if not events.empty():
                    yield events.get_nowait()
                    continue
                waiter = asyncio.ensure_future(events.get())
                try:
                    done, _ = await asyncio.wait(
                        {run, waiter}, timeout=self._heartbeat, return_when=asyncio.FIRST_COMPLETED
                    )
                    if waiter.done():
                        yield waiter.result()
                    elif not done:
                        yield None
                finally:
                    waiter.cancel()
            try:
                yield run.result()
            except HeadraceError as error:
                yield error
            except Exception:
                log.exception("unexpected error in a run")
                yield UnexpectedRunError()
        finally:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)


def wanted_vertices(plan: Plan, request: RunRequest) -> set[str]:
    """Return the ids of the vertices whose results answer the request.

    Raises:
        TweakError: the request names an output component that the flow doesn't have.

    """
    if request.output_components:
        wanted: set[str] = set()
        for name in request.output_components:
            named = {v.id for v in plan.vertices.values() if name in {v.id, v.display_name}}
            if not named:
                raise TweakError(f"The flow has no component {name!r} to take the output of.")
            wanted |= named
        return wanted
    return {v.id for v in plan.answers(request.output_type)}


__all__ = ["FlowNotFoundError", "RunError", "RunTimeoutError", "Runner", "Target"]
