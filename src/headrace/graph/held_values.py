"""Counts the values that the vertices of a run hold."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from headrace.limits.value_size import size_of_few_parts, value_size
from headrace.schema import Message

if TYPE_CHECKING:
    from headrace.limits.byte_budget import ByteBudget, GrowingValue

#: The size of a message without its text, in bytes.
MESSAGE_BYTES = 1500
#: Values above this size are recognised when another vertex returns the same object, so that they are counted once.
SHARED_VALUE_BYTES = 100_000

InThread = Callable[..., Awaitable[Any]]


class HeldValues:
    """The values of one level of a run. Those of a loop's iteration are released when it ends."""

    __slots__ = ("_added", "_budget", "_bytes", "_large")

    def __init__(self, budget: ByteBudget, large: dict[int, tuple[object, int]] | None = None) -> None:
        """Start with no values.

        Args:
            budget: the budget of the run.
            large: the large values of the run and their sizes, by their id.

        """
        self._budget = budget
        self._bytes = 0
        self._large = large if large is not None else {}
        self._added: list[int] = []

    def inner(self) -> Self:
        """Return the values of an iteration within this level."""
        return type(self)(self._budget, self._large)

    async def add(
        self, outputs: Mapping[str, Any], logs: list[dict[str, Any]] | None, in_thread: InThread
    ) -> tuple[int, int]:
        """Count the values of a vertex and the entries of its log, and return the sizes of both in bytes.

        Args:
            outputs: the values by output.
            logs: the entries of the log.
            in_thread: calls a function in a thread: it measures values with many parts.

        Raises:
            ByteLimitError: one of them is too large, or the run holds too much.

        """
        output_bytes = log_bytes = 0
        for name, value in outputs.items():
            known = self._large.get(id(value))
            size = known[1] if known is not None else await self._measure(value, in_thread)
            output_bytes += size
            if known is None:
                self._hold(size, f"The output {name!r}")
                if size > SHARED_VALUE_BYTES:
                    self._large[id(value)] = value, size
                    self._added.append(id(value))
        if logs:
            log_bytes = await self._measure(logs, in_thread)
            self._hold(log_bytes, "The log")
        return output_bytes, log_bytes

    def grow(self, name: str) -> GrowingValue:
        """Return a counter for a value that grows, to use in `with`; `add_text` counts the complete value."""
        return self._budget.grow(name)

    def add_text(self, text: str, name: str) -> int:
        """Count a text that became complete after the end of its vertex, and return its size in bytes.

        Raises:
            ByteLimitError: it is too large, or the run holds too much.

        """
        size = sys.getsizeof(text)
        self._hold(size, name)
        return size

    def release(self) -> None:
        """Stop counting the values of this level."""
        self._budget.release(self._bytes)
        self._bytes = 0
        for key in self._added:
            self._large.pop(key, None)
        self._added.clear()

    def _hold(self, size: int, name: str) -> None:
        self._budget.hold(size, name)
        self._bytes += size

    async def _measure(self, value: object, in_thread: InThread) -> int:
        limit = self._budget.limits.value
        size = plain_size(value)
        if size is None:
            size = size_of_few_parts(value, limit)
        return await in_thread(value_size, value, limit) if size is None else size


def plain_size(value: object) -> int | None:
    """Return about the bytes that a text, or a message that consists of its text, takes; None for another value."""
    if type(value) is str:
        return sys.getsizeof(value)
    if type(value) is Message and not value.content_blocks and not value.data and not value.files:
        return sys.getsizeof(value.text) + MESSAGE_BYTES
    return None
