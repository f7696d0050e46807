"""A dictionary that must not be read on an event loop."""

from __future__ import annotations

import asyncio
from typing import Any


class ReadOnEventLoopError(Exception):
    """A part of a large value was read on an event loop."""


class LoopSpy(dict[str, Any]):
    """A dictionary that raises if it is read on an event loop. It stands for all parts of the value that contains it."""

    def values(self) -> Any:
        """Return the values."""
        _check_thread()
        return super().values()

    def items(self) -> Any:
        """Return the items."""
        _check_thread()
        return super().items()


def _check_thread() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise ReadOnEventLoopError
