"""The run that component code belongs to at the moment, for functions that get no run as an argument."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from headrace.component.context import RunContext

T = TypeVar("T")


class NoRunError(HeadraceError):
    """A function that needs a run was called outside of a run."""

    def __init__(self, caller: str) -> None:
        super().__init__(
            f"{caller} works only while a flow runs. Call it in a component's methods, not where the source is loaded."
        )


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """A run, and the event loop that executes it."""

    context: RunContext
    loop: asyncio.AbstractEventLoop


_current: ContextVar[ActiveRun | None] = ContextVar("current_run", default=None)


def call_in_run(current: ActiveRun, function: Callable[[], T]) -> T:
    """Call a function inside a run, and return its result."""
    token = _current.set(current)
    try:
        return function()
    finally:
        _current.reset(token)


async def await_in_run(current: ActiveRun, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Call a coroutine function inside a run, and return the result of its coroutine."""
    token = _current.set(current)
    try:
        return await function()
    finally:
        _current.reset(token)


def current_context(caller: str) -> RunContext:
    """Return the context of the current run.

    Args:
        caller: the name of the function that needs the run, for the error message.

    Raises:
        NoRunError: no run is active.

    """
    current = _current.get()
    if current is None:
        raise NoRunError(caller)
    return current.context


def run_until_complete(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine from a plain method, and return its result.

    The coroutine runs on the run's event loop, or on a new loop in another thread if it is called from that loop.
    """
    current = _current.get()
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        if current is not None:
            return asyncio.run_coroutine_threadsafe(coroutine, current.loop).result()
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, coroutine).result()
