"""Threads that no account can occupy all of, even with calls that outlive their run."""

from __future__ import annotations

import asyncio
import functools
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar

from headrace.limits.account import Account, current_account
from headrace.limits.fair_queue import FairQueue
from headrace.limits.fair_slots import FairSlots

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(slots=True, eq=False, weakref_slot=True)
class _Call(Generic[T]):
    function: Callable[[], T]
    outcome: Future[T]


class FairThreads(ThreadPoolExecutor):
    """A bounded pool of threads, divided among accounts.

    A call counts against its account until it returns, also if its caller was cancelled: a thread cannot be stopped. As the
    default executor of an event loop, it also divides the threads of `asyncio.to_thread`.
    """

    def __init__(self, threads: int, *, name: str) -> None:
        """Create a pool. Threads start on first use.

        Args:
            threads: the number of threads.
            name: the prefix of their names.

        """
        super().__init__(threads, thread_name_prefix=name)
        self._slots = FairSlots(threads)
        self._calls: FairQueue[_Call[Any]] = FairQueue()
        # A cancelled call leaves the line while `shutdown` holds the lock.
        self._lock = threading.RLock()
        self._is_closed = False

    @property
    def busy(self) -> int:
        """The number of threads that execute a call."""
        return self._slots.held

    async def run(self, function: Callable[[], T], account: Account | None = None) -> T:
        """Call a function in a thread and return its result.

        Args:
            function: the function; it sees the context variables of the caller.
            account: the account that it counts against; by default that of the current task.

        """
        account = account if account is not None else current_account.get()
        return await asyncio.wrap_future(self._enqueue(account, functools.partial(copy_context().run, function)))

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call a function in a thread, for the account of the current task; see `Executor.submit`."""
        call = functools.partial(copy_context().run, fn, *args, **kwargs)
        return self._enqueue(current_account.get(), call)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Accept no more calls and cancel those that have not started; see `Executor.shutdown`."""
        with self._lock:
            self._is_closed = True
            while (taken := self._calls.take()) is not None:
                taken[1].outcome.cancel()
        super().shutdown(wait=wait, cancel_futures=cancel_futures)

    def close(self) -> None:
        """Accept no more calls. Those that are still running end on their own."""
        self.shutdown(wait=False, cancel_futures=True)

    def _enqueue(self, account: Account, function: Callable[[], T]) -> Future[T]:
        call = _Call(function, Future[T]())
        with self._lock:
            if self._is_closed:
                raise RuntimeError("The threads accept no calls: the server is stopping.")
            self._calls.push(account, call)
            self._start_allowed()
        # A weak reference: the outcome, and the large value in it, must not be part of a reference cycle.
        call.outcome.add_done_callback(functools.partial(self._forget, account, weakref.ref(call)))
        return call.outcome

    def _forget(self, account: Account, reference: weakref.ref[_Call[Any]], outcome: Future[Any]) -> None:
        """Remove a call that its caller has cancelled, with the values that it holds."""
        call = reference()
        if call is not None and outcome.cancelled():
            with self._lock:
                self._calls.remove(account, call)

    def _start_allowed(self) -> None:
        """Start the calls in line whose accounts may have a thread."""
        while (taken := self._calls.take(self._slots.is_allowed)) is not None:
            account, call = taken
            if call.outcome.set_running_or_notify_cancel():
                self._slots.try_acquire(account)
                super().submit(self._execute, account, call)

    def _execute(self, account: Account, call: _Call[T]) -> None:
        try:
            result = call.function()
        except BaseException as error:
            self._release(account)
            call.outcome.set_exception(error)
        else:
            self._release(account)
            call.outcome.set_result(result)

    def _release(self, account: Account) -> None:
        with self._lock:
            self._slots.release(account)
            if not self._is_closed:
                self._start_allowed()
