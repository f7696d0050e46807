"""Stores the results of a run's vertices for the monitor."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from cachetools import LRUCache

from headrace.db import monitor
from headrace.formats.langflow import result_json
from headrace.formats.langflow_build import params_text
from headrace.formats.shortened import shorten
from headrace.graph.events import Emit, Event, VertexEnded
from headrace.graph.flow import NodeId
from headrace.limits.large_values import LARGE_VALUE_BYTES

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.db.database import Database
    from headrace.db.row_encoder import Row
    from headrace.graph.result import VertexResult
    from headrace.limits.byte_budget import ByteBudget
    from headrace.runs.flow_resolver import RunnableFlow

#: Share of the maximum number of transactions that a flow may exceed it by before old ones are deleted. Finding them
#: reads all transactions of the flow, which is too slow for every run.
TRANSACTION_SLACK = 0.05
#: Results of a run that are queued for storage while it runs.
MAX_QUEUED_RESULTS = 1000
#: The size beyond which later results are shortened, in bytes.
LATE_RESULT_BYTES = 10_000
#: The size of a row without the values of the vertex, in bytes.
ROW_BYTES = 2000
#: Edges of a vertex whose transactions contain a result of the maximum size.
MAX_COPIES = 4
#: Flows whose stored transactions are counted. Those of a flow that is not among them are pruned at its next run.
MAX_COUNTED_FLOWS = 10_000


@dataclass(frozen=True, slots=True)
class RetentionLimits:
    """How many results of past runs are stored, and when the transactions of a flow are pruned."""

    builds_per_vertex: int
    transactions_per_flow: int
    #: The size of a result beyond which it is shortened, in bytes.
    result_bytes: int
    #: Transactions that this process has stored since it last pruned a flow.
    _unpruned: LRUCache[UUID, int] = field(default_factory=lambda: LRUCache(MAX_COUNTED_FLOWS), init=False)

    def count_transactions(self, flow_id: UUID, count: int) -> bool:
        """Count new transactions of a flow and return whether its old ones have to be deleted now."""
        stored = self._unpruned.get(flow_id)
        total = None if stored is None else stored + count
        is_due = total is None or total > self.transactions_per_flow * TRANSACTION_SLACK
        self._unpruned[flow_id] = 0 if is_due or total is None else total
        return is_due


class RunRecorder:
    """Stores one run's vertex builds and transactions.

    A vertex in a loop may end thousands of times. Beyond `MAX_QUEUED_RESULTS`, only its newest results are stored.
    """

    def __init__(
        self,
        database: Database,
        limits: RetentionLimits,
        owner: UUID,
        flow: RunnableFlow,
        job_id: UUID,
        budget: ByteBudget,
    ) -> None:
        self._database = database
        self._budget = budget
        self._limits = limits
        self._owner = owner
        self._flow = flow
        self._job_id = job_id
        self._writes: list[asyncio.Future[None]] = []
        self._transaction_count = 0
        self._queued_results = 0
        #: The results of each vertex that are stored at the end of the run.
        self._newest: dict[str, deque[Sequence[tuple[Table, Row]]]] = {}

    def wrap_emit(self, emit: Emit | None) -> Emit:
        """Return a function that passes each event to `emit` and records it."""

        def emit_and_record(event: Event) -> Awaitable[None] | None:
            encoding = emit(event) if emit is not None else None
            if not isinstance(event, VertexEnded):
                return encoding
            if encoding is None and _size_of(event.result) <= LARGE_VALUE_BYTES:
                self._queue(event.result, self._rows_of(event.result, self._max_bytes()))
                return None
            return self._record_large(event.result, encoding)

        return emit_and_record

    async def _record_large(self, result: VertexResult, encoding: Awaitable[None] | None) -> None:
        """Record a large result, which is encoded in a thread, after its event."""
        if encoding is not None:
            await encoding
        self._queue(result, await asyncio.to_thread(self._rows_of, result, self._max_bytes()))

    def _max_bytes(self) -> int:
        """Return the size beyond which the next result is shortened, in bytes."""
        return self._limits.result_bytes if self._queued_results < MAX_QUEUED_RESULTS else LATE_RESULT_BYTES

    def _rows_of(self, result: VertexResult, max_bytes: int) -> Sequence[tuple[Table, Row]]:
        """Return the rows of a result. Threads call it."""
        vertex = self._flow.plan.vertices[NodeId(result.vertex_id)]
        data = _result_json(result, _size_of(result), max_bytes, copies=len(vertex.successors))
        values = {"params": params_text(data["artifacts"]), "data": data, "artifacts": data["artifacts"]}
        return monitor.build_rows(self._owner, self._flow.flow_id, self._job_id, vertex.id, vertex.successors, values)

    def _queue(self, result: VertexResult, rows: Sequence[tuple[Table, Row]]) -> None:
        """Queue the rows of a result, or keep them until the end of the run."""
        if self._queued_results < MAX_QUEUED_RESULTS:
            self._queued_results += 1
            self._insert(rows, min(_size_of(result), self._limits.result_bytes))
        else:
            newest = self._newest.setdefault(result.vertex_id, deque(maxlen=self._limits.builds_per_vertex))
            newest.append(rows)

    def _insert(self, rows: Sequence[tuple[Table, Row]], size: int) -> None:
        self._transaction_count += len(rows) - 1
        size += ROW_BYTES * len(rows)
        self._budget.hold(size, "The recorded results")
        write = self._database.writer.insert_rows(rows)
        write.add_done_callback(lambda _: self._budget.release(size))
        self._writes.append(write)

    async def flush(self) -> None:
        """Wait until all rows are committed and old ones are deleted. Rows of a deleted flow are dropped."""
        if not self._writes:
            return
        for rows in [rows for newest in self._newest.values() for rows in newest]:
            self._insert(rows, LATE_RESULT_BYTES)
        self._newest.clear()
        prunes_transactions = self._limits.count_transactions(self._flow.flow_id, self._transaction_count)

        async def prune(connection: AsyncConnection) -> None:
            flow_id, limits = self._flow.flow_id, self._limits
            await monitor.prune_builds(connection, self._owner, flow_id, limits.builds_per_vertex)
            if prunes_transactions:
                await monitor.prune_transactions(connection, self._owner, flow_id, limits.transactions_per_flow)

        # The writer commits in order, so the rows that are still queued share the transaction of the deletion.
        pruning = asyncio.ensure_future(self._database.write(prune))
        await asyncio.gather(*self._writes, return_exceptions=True)
        await pruning


def _size_of(result: VertexResult) -> int:
    return result.output_bytes + result.log_bytes


def _result_json(result: VertexResult, size: int, limit: int, *, copies: int) -> dict[str, Any]:
    """Return the result of a vertex, shortened if its `size` exceeds the limit. Each transaction contains it once more."""
    data = result_json(result)
    return shorten(data, limit // max(copies, 1)) if size > limit or copies > MAX_COPIES else data
