"""The tasks of the vertices that run at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.graph.flow import NodeId


class VertexTasks:
    """Running vertices. Unlike `asyncio.wait`, the cost of an end does not grow with the number of running vertices."""

    def __init__(self) -> None:
        self._ids: dict[asyncio.Task[None], NodeId] = {}
        self._ended: list[asyncio.Task[None]] = []
        self._wake_up: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        """Return the number of vertices that run or whose end `wait` has not returned."""
        return len(self._ids)

    def start(self, vertex_id: NodeId, run: Coroutine[Any, Any, None]) -> None:
        """Start to run a vertex."""
        task = asyncio.create_task(run)
        self._ids[task] = vertex_id
        task.add_done_callback(self._on_end)

    async def wait(self) -> list[NodeId]:
        """Wait until at least one vertex has ended, and return those that have.

        Raises:
            Exception: the error of a vertex.

        """
        if not self._ended:
            self._wake_up = asyncio.get_running_loop().create_future()
            try:
                await self._wake_up
            finally:
                self._wake_up = None
        ended, self._ended = self._ended, []
        ids = [self._ids.pop(task) for task in ended]
        # Retrieves all errors, so that asyncio reports none that is not raised.
        errors = [task.exception() for task in ended if not task.cancelled()]
        for error in errors:
            if error is not None:
                raise error
        for task in ended:
            task.result()
        return ids

    async def cancel(self) -> None:
        """Stop the running vertices and wait until they have stopped."""
        for task in self._ids:
            task.cancel()
        if self._ids:
            await asyncio.gather(*self._ids, return_exceptions=True)

    def _on_end(self, task: asyncio.Task[None]) -> None:
        self._ended.append(task)
        if self._wake_up is not None and not self._wake_up.done():
            self._wake_up.set_result(None)
