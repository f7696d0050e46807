"""The run that component code works in at this moment, for functions that are not told."""

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
    """Something is asked of a run where none is under way."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} works while a flow runs, in a component's methods; not where its source is loaded.")


@dataclass(frozen=True, slots=True)
class Current:
    """A run, and the loop on which its work is done."""

    context: RunContext
    loop: asyncio.AbstractEventLoop


_current: ContextVar[Current | None] = ContextVar("current_run", default=None)


def within(current: Current, work: Callable[[], T]) -> T:
    """Return what `work` gives, done within a run."""
    token = _current.set(current)
    try:
        return work()
    finally:
        _current.reset(token)


async def awaited_within(current: Current, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Return what the coroutine of `work` gives, awaited within a run."""
    token = _current.set(current)
    try:
        return await work()
    finally:
        _current.reset(token)


def context_of(what: str) -> RunContext:
    """Return the run that this code works in.

    Raises:
        NoRunError: there is none; names `what` was asked.

    """
    current = _current.get()
    if current is None:
        raise NoRunError(what)
    return current.context


def run_until_complete(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine from a plain method and return what it gives.

    On the run's own loop, where what it asks of the run is answered; where this is that loop's thread, on another one.
    """
    current = _current.get()
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        if current is not None:
            return asyncio.run_coroutine_threadsafe(work, current.loop).result()
    with ThreadPoolExecutor(1) as one:
        return one.submit(asyncio.run, work).result()
