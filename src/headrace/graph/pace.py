"""The pace of a run: how long it may compute without a pause, and how many vertices it may execute."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from headrace.component.component import ComponentError
from headrace.limits.account import Account, current_account
from headrace.limits.loop_turns import SLICE_SECONDS, LoopTurns

if TYPE_CHECKING:
    from headrace.graph.vertex import Vertex


class RunPace:
    """Lets other tasks of the event loop run while a run computes, and ends runs that never end.

    One object serves a run with its loops and the flows that it calls. A pause is also a point at which the run's time limit
    or the end of its connection stops it.
    """

    __slots__ = ("_account", "_executions_left", "_has_yielded", "_max_executions", "_slice_ends_at", "_turns")

    def __init__(
        self,
        turns: LoopTurns | None = None,
        account: Account | None = None,
        max_executions: int = sys.maxsize,
    ) -> None:
        """Start with a full slice.

        Args:
            turns: the turns of all runs on the event loop; None for a run that has the event loop for itself.
            account: the account that takes the turns; by default that of the current task.
            max_executions: the maximum number of executed vertices, each as often as loops repeat it; by default unlimited.

        """
        self._turns = turns or LoopTurns()
        self._account = account or current_account.get()
        self._max_executions = self._executions_left = max_executions
        self._slice_ends_at = time.perf_counter() + SLICE_SECONDS
        #: Whether the event loop has served other tasks since the start of the slice.
        self._has_yielded = True

    def count(self, vertex: Vertex) -> None:
        """Count the execution of a vertex.

        Raises:
            ComponentError: the run has executed the maximum number of vertices.

        """
        self._executions_left -= 1
        if self._executions_left < 0:
            raise ComponentError(
                f"{vertex.display_name} would exceed the {self._max_executions} component executions of a run, which include "
                "every repetition of a loop. Split the work into several runs; an operator can raise "
                "HEADRACE_MAX_COMPONENT_EXECUTIONS."
            )

    def is_due(self, now: float) -> bool:
        """Return whether the run has computed for a slice and has to pause.

        A run that has waited for a model or a database meanwhile need not: the event loop served other tasks then.

        Args:
            now: the time of `time.perf_counter`.

        """
        if now < self._slice_ends_at:
            return False
        if not self._has_yielded or not self._turns.take_free_slice(self._note_yield):
            return True
        self._has_yielded = False
        self._slice_ends_at = now + SLICE_SECONDS
        return False

    async def pause(self) -> None:
        """Wait for the next turn on the event loop."""
        await self._turns.wait(self._account)
        self._slice_ends_at = time.perf_counter() + SLICE_SECONDS

    def _note_yield(self) -> None:
        self._has_yielded = True
