"""Work on large values, which happens in threads, so that the event loop does other work meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from headrace.limits.value_size import size_of_few_parts

T = TypeVar("T")

#: Values above this size are encoded in threads, in bytes.
LARGE_VALUE_BYTES = 1_000_000


def is_large(value: object) -> bool:
    """Return whether a value has many bytes or parts. The time does not depend on its size."""
    size = size_of_few_parts(value, LARGE_VALUE_BYTES)
    return size is None or size > LARGE_VALUE_BYTES


async def call_off_loop(size: int, function: Callable[..., T], *arguments: Any) -> T:
    """Call a function, in a thread if it works on many bytes, and return its result.

    Args:
        size: the number of bytes that the function works on.
        function: the function. In a thread, it sees the context variables of the caller.
        arguments: its arguments.

    """
    if size <= LARGE_VALUE_BYTES:
        return function(*arguments)
    return await asyncio.to_thread(function, *arguments)
