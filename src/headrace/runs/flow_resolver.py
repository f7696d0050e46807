"""Finds a caller's flow by id or endpoint name and compiles it on first use."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.db import flows
from headrace.db.changes import Change, Topic
from headrace.db.lookup_cache import LookupCache
from headrace.graph.compiler import compile_plan
from headrace.graph.flow import parse_flow
from headrace.graph.plan import Plan
from headrace.limits.fair_threads import FairThreads
from headrace.limits.value_size import value_size
from headrace.runs.errors import FlowNotFoundError
from headrace.runs.plan_cache import CompiledFlow

if TYPE_CHECKING:
    from headrace.component.registry import Registry
    from headrace.custom_code.custom_code import CustomCode
    from headrace.db.database import Database
    from headrace.runs.plan_cache import PlanCache

#: Flow versions kept in memory, by owner and name.
VERSION_CACHE_SIZE = 10_000
#: Nodes and edges of a flow that is compiled on the event loop.
MAX_INLINE_PARTS = 100
#: Threads that compile larger flows. They compete with the event loop for the interpreter, so there are few.
COMPILER_THREADS = 2


@dataclass(frozen=True, slots=True)
class RunnableFlow:
    """A flow that its owner may run, with its plan."""

    flow_id: UUID
    plan: Plan


@dataclass(frozen=True, slots=True)
class _Version:
    flow_id: UUID
    number: int


class FlowResolver:
    """Resolves the flows of all owners."""

    def __init__(self, database: Database, registry: Registry, custom_code: CustomCode, plans: PlanCache) -> None:
        self._database = database
        self._registry = registry
        self._custom_code = custom_code
        self._plans = plans
        self._threads = FairThreads(COMPILER_THREADS, name="compiler")
        self._compilations: dict[_Version, asyncio.Task[CompiledFlow]] = {}
        self._versions: LookupCache[tuple[UUID, str], _Version] = LookupCache(
            database.changes,
            depends_on=lambda key, version: (
                Change(Topic.FLOW, str(version.flow_id)),
                # The flows of a deactivated owner cannot be run.
                Change(Topic.USER, str(key[0])),
            ),
            max_entries=VERSION_CACHE_SIZE,
        )

    async def resolve(self, owner: UUID, id_or_name: str) -> RunnableFlow:
        """Return one of the owner's flows by its id or endpoint name. Every run of a stored flow calls this.

        Raises:
            FlowNotFoundError: The owner has no such flow, or is not active.
            FlowError: The flow cannot be run.
            UnapprovedCodeError: The flow has code that is not approved.

        """
        version = await self._versions.get((owner, id_or_name), lambda: self._read_version(owner, id_or_name))
        if version is None:
            raise FlowNotFoundError(id_or_name)
        compiled = self._plans.get(version.flow_id, version.number)
        if compiled is None:
            compiled = await self._compile_once(owner, version, id_or_name)
        elif compiled.custom_nodes:
            await self._custom_code.check(compiled.custom_nodes)
            await self._custom_code.reserve(owner)
        return RunnableFlow(version.flow_id, compiled.plan)

    async def resolve_by_display_name(self, owner: UUID, name: str) -> RunnableFlow:
        """Return one of the owner's flows by id, endpoint name or display name; see `resolve`."""
        try:
            return await self.resolve(owner, name)
        except FlowNotFoundError:
            async with self._database.connect() as connection:
                flow_id = await flows.find_id(connection, owner, name)
            if flow_id is None:
                raise
            return await self.resolve(owner, str(flow_id))

    async def compile(self, owner: UUID, data: object) -> Plan:
        """Return the plan of flow data that is not stored. Only code that is already approved runs.

        Raises:
            FlowError: The flow cannot be run.

        """
        return (await self._compile(owner, data)).plan

    def clear_plans(self) -> None:
        """Forget all plans, because the available components have changed."""
        self._plans.clear()

    async def _read_version(self, owner: UUID, id_or_name: str) -> _Version | None:
        async with self._database.connect() as connection:
            row = await flows.get_version(connection, owner, id_or_name)
        return _Version(row["id"], row["version"]) if row is not None else None

    async def _compile_once(self, owner: UUID, version: _Version, id_or_name: str) -> CompiledFlow:
        """Compile a version; concurrent requests for it share the work."""
        task = self._compilations.get(version)
        if task is None:
            task = asyncio.create_task(self._compile_stored(owner, version, id_or_name), name="compile-flow")
            self._compilations[version] = task
            task.add_done_callback(lambda _task: self._compilations.pop(version, None))
            # If every request is cancelled, nobody else retrieves the error.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def _compile_stored(self, owner: UUID, version: _Version, id_or_name: str) -> CompiledFlow:
        async with self._database.connect() as connection:
            row = await flows.get(connection, owner, version.flow_id)
        if row is None:
            raise FlowNotFoundError(id_or_name)
        compiled = await self._compile(owner, row["data"])
        if row["version"] == version.number:
            size = value_size(row["data"], self._plans.max_bytes)
            self._plans.put(version.flow_id, version.number, compiled, owner=owner, size=size)
        return compiled

    async def _compile(self, owner: UUID, data: object) -> CompiledFlow:
        # The time grows with the size of the flow. A small one takes less than the way to a thread.
        is_small = _count_parts(data) <= MAX_INLINE_PARTS
        flow = parse_flow(data) if is_small else await self._threads.run(lambda: parse_flow(data))
        classes, custom_nodes = await self._custom_code.classes(owner, flow)
        if is_small:
            return CompiledFlow(compile_plan(flow, self._registry, classes), custom_nodes)
        plan = await self._threads.run(lambda: compile_plan(flow, self._registry, classes))
        return CompiledFlow(plan, custom_nodes)


def _count_parts(data: object) -> int:
    """Return the number of nodes and edges in the data of a flow, which may be invalid."""
    lists = [data.get(name) for name in ("nodes", "edges")] if isinstance(data, dict) else []
    return sum(len(parts) for parts in lists if isinstance(parts, list))
