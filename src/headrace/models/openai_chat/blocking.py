"""Call a client from code that is not async."""

from __future__ import annotations

import asyncio
import functools
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.models.openai_chat.errors import ChatError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    import httpx2

    from headrace.models.openai_chat.client import OpenAIChatClient

T = TypeVar("T")


class BlockingCaller:
    """Runs a client's coroutines for a thread that waits for the result.

    An HTTP client belongs to one event loop. A thread hands its call to that loop, and so shares its connections.
    Without a running loop the client moves to a loop in a background thread. A blocking call on the client's own
    loop would wait for itself: it runs on the background loop, with an HTTP client from `http_factory`.
    """

    def __init__(self, client: OpenAIChatClient, http_factory: Callable[[], httpx2.AsyncClient] | None = None) -> None:
        self._client = client
        self._http_factory = http_factory
        self._loop = _running_loop()

    def run(self, call: Callable[[OpenAIChatClient], Coroutine[Any, Any, T]]) -> T:
        """Return the result of a call.

        Raises:
            ChatError: the call would block the client's own loop, and there is no `http_factory`.

        """
        loop, client = self._choose()
        return asyncio.run_coroutine_threadsafe(call(client), loop).result()

    def iterate(self, call: Callable[[OpenAIChatClient], AsyncIterator[T]]) -> Iterator[T]:
        """Yield the results of a call.

        Raises:
            ChatError: as `run` does.

        """
        loop, client = self._choose()
        results = call(client)
        try:
            while True:
                found, result = asyncio.run_coroutine_threadsafe(_next(results), loop).result()
                if not found:
                    return
                yield result  # type: ignore[misc]  # a result that was found is a T
        finally:
            asyncio.run_coroutine_threadsafe(_close(results), loop).result()

    def _choose(self) -> tuple[asyncio.AbstractEventLoop, OpenAIChatClient]:
        if self._loop is None or not self._loop.is_running():
            self._loop = _background_loop()
        if _running_loop() is not self._loop:
            return self._loop, self._client
        if self._http_factory is None:
            raise ChatError(
                "A blocking call from the client's event loop would deadlock. Use the async method instead."
            )
        return _background_loop(), self._background_client

    @functools.cached_property
    def _background_client(self) -> OpenAIChatClient:
        if self._http_factory is None:
            return self._client
        return self._client.with_http(self._http_factory())


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


@functools.cache
def _background_loop() -> asyncio.AbstractEventLoop:
    """Return the process's event loop for blocking calls, starting it on first use."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="openai-chat-blocking", daemon=True).start()
    return loop


async def _next(results: AsyncIterator[T]) -> tuple[bool, T | None]:
    try:
        return True, await anext(results)
    except StopAsyncIteration:
        return False, None


async def _close(results: AsyncIterator[Any]) -> None:
    close = getattr(results, "aclose", None)
    if close is not None:
        await close()
