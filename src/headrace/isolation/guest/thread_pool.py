"""A thread pool that counts the work in progress."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

#: Threads for the synchronous methods of components and tools.
MAX_THREADS = 16


class CountingExecutor(ThreadPoolExecutor):
    """A thread pool that reports how many of its threads are busy."""

    def __init__(self) -> None:
        super().__init__(MAX_THREADS)
        self._work_ids = itertools.count(1)
        #: The work in progress.
        self._in_progress: set[int] = set()

    def submit(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run a function in a thread; see `ThreadPoolExecutor.submit`."""
        work_id = next(self._work_ids)

        def run_counted() -> T:
            self._in_progress.add(work_id)
            try:
                return work(*args, **kwargs)
            finally:
                self._in_progress.discard(work_id)

        return super().submit(run_counted)

    @property
    def busy_threads(self) -> int:
        """The number of threads that are running work."""
        return len(self._in_progress)
