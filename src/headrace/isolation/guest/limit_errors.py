"""Recognise exceptions after which a worker process is replaced, since what filled a limit may still be referenced."""

from __future__ import annotations

import errno


class ThreadLimitError(RuntimeError):
    """The process may start no more threads."""


def exhaustion(error: BaseException) -> Exception | None:
    """Return a MemoryError or ThreadLimitError if memory or threads ran out, or None for other exceptions."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return error if isinstance(error, MemoryError) else MemoryError(str(error))
    if isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        return ThreadLimitError(str(error))
    return None
