"""Calls the methods of components: `async` ones on the event loop, those that may block in threads."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from headrace.component.component import ComponentError
from headrace.component.component_run import run_of

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from headrace.component.component import Component

T = TypeVar("T")

log = logging.getLogger(__name__)


class ComponentCalls:
    """Calls methods with the time limit and the retries that the component declares."""

    def __init__(self, threads: Executor) -> None:
        """Create the calls of a run.

        Args:
            threads: run blocking methods.

        """
        self._threads = threads

    async def output(self, component: Component, name: str) -> object:
        """Return an output's value, retrying as often as the component allows.

        Raises:
            ComponentError: the component has no such output, or the output took too long.

        """
        for _ in range(type(component).output_retries):
            try:
                return await self._output_in_time(component, name)
            except Exception as error:
                log.info("%s failed with %s and is retried", run_of(component).vertex_id, type(error).__name__)
        return await self._output_in_time(component, name)

    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return the result of a function that may block."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    async def _output_in_time(self, component: Component, name: str) -> object:
        timeout = type(component).output_timeout
        if timeout is None:
            return await self._output(component, name)
        try:
            async with asyncio.timeout(timeout) as limit:
                return await self._output(component, name)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise ComponentError(f"The output took longer than {timeout:g} s.") from error

    async def _output(self, component: Component, name: str) -> object:
        output = type(component).output(name)
        if output is None:
            raise ComponentError(f"The component has no output {name!r}.")
        method = type(component).output_method(component, output)
        if _is_async(getattr(method, "__func__", method)):
            return await cast("Callable[[], Awaitable[object]]", method)()
        if type(component).blocking:
            return await self.in_thread(method)
        return method()


@functools.lru_cache(maxsize=4096)
def _is_async(function: Callable[..., object]) -> bool:
    return inspect.iscoroutinefunction(function)
