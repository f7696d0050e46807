"""Keeps what the vertices of a run gave, for the monitor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.graph.events import Event, VertexEnded
from headrace.graph.flow import NodeId
from headrace.runs.build_wire import params_text
from headrace.runs.wire import result_json
from headrace.store import monitor

if TYPE_CHECKING:
    from headrace.runs.runner import Target
    from headrace.store.store import Store


@dataclass(frozen=True, slots=True)
class KeepingLimits:
    """How much of a flow's past is kept."""

    builds_of_vertex: int
    transactions: int


class Keeping:
    """One run's vertex builds and transactions, on their way into the database."""

    def __init__(self, store: Store, limits: KeepingLimits, owner: UUID, target: Target, job_id: UUID) -> None:
        self._store = store
        self._limits = limits
        self._owner = owner
        self._target = target
        self._job_id = job_id
        self._pending: list[asyncio.Future[None]] = []

    def beside(self, emit: Callable[[Event], None] | None) -> Callable[[Event], None]:
        """Return what sees every event, and hands it on to `emit`."""

        def both(event: Event) -> None:
            if emit is not None:
                emit(event)
            self.see(event)

        return both

    def see(self, event: Event) -> None:
        """Hand what an ended vertex gave to the writer."""
        if not isinstance(event, VertexEnded):
            return
        vertex = self._target.plan.vertices[NodeId(event.result.vertex_id)]
        data = result_json(event.result)
        given = {"params": params_text(data["artifacts"]), "data": data, "artifacts": data["artifacts"]}
        rows = monitor.rows_of(self._owner, self._target.flow_id, self._job_id, vertex.id, vertex.successors, given)
        self._pending += [self._store.writer.insert(table, row) for table, row in rows]

    async def settle(self) -> None:
        """Wait until all of it is committed, and forget what is too old. What cannot be kept, of a deleted flow, is not."""
        if not self._pending:
            return
        await asyncio.gather(*self._pending, return_exceptions=True)
        await self._store.write(
            lambda c: monitor.keep_newest(
                c,
                self._owner,
                self._target.flow_id,
                of_vertex=self._limits.builds_of_vertex,
                of_transactions=self._limits.transactions,
            )
        )
