"""Call a function that runs an author's code at its import, with a time limit."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Generic, TypeVar

from headrace.errors import TimeLimitError

T = TypeVar("T")

#: How often a thread that exceeds its time is interrupted, and the time that it has to end after each, in seconds.
MAX_INTERRUPTS = 3
INTERRUPT_SECONDS = 0.2


class LoadTimeoutError(TimeLimitError):
    """A component file does not finish loading in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The file did not finish loading within {seconds:g} s. Move slow work from the module to a method, or raise "
            "HEADRACE_COMPONENT_LOAD_SECONDS."
        )


class _Interrupt(BaseException):
    """Stops a thread. Not an `Exception`, so that the author's `except Exception` does not catch it."""


class _Call(Generic[T]):
    """A call in a thread of its own, and its outcome."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self.result: list[T] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result.append(self._function())
        except BaseException as error:
            # The caller receives every error, also those that end a process.
            self.error = error


def call_with_timeout(function: Callable[[], T], seconds: float) -> T:
    """Return the result of a function, or raise its error.

    A function that exceeds the limit is interrupted, which stops Python code. A call into C that never returns keeps its
    daemon thread, which ends with the process.

    Raises:
        LoadTimeoutError: the function took longer than `seconds`.

    """
    call = _Call(function)
    thread = threading.Thread(target=copy_context().run, args=(call.run,), name="component-load", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        _interrupt(thread)
        raise LoadTimeoutError(seconds)
    if call.error is not None:
        raise call.error
    return call.result[0]


def _interrupt(thread: threading.Thread) -> None:
    for _ in range(MAX_INTERRUPTS):
        if thread.is_alive() and thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_Interrupt))
            thread.join(INTERRUPT_SECONDS)
