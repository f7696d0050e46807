"""A server of single HTTP/1.1 responses in a thread of its own, which answers on every loopback address (127.0.0.0/8)."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator

#: Writes the response to a request, which is given as its head in lower case.
Responder = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


@contextlib.contextmanager
def answering(respond: Responder) -> Iterator[int]:
    """Serve requests with `respond` and yield the port. Bodies of requests are not read."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(_listen(respond))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _listen(respond: Responder) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await respond(head.decode().lower(), writer)
                await writer.drain()
        writer.close()

    return await asyncio.start_server(serve, "0.0.0.0", 0, backlog=1000)


async def _stop(server: asyncio.Server) -> None:
    server.close()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def text_response(body: bytes = b"ok", *headers: str, status: str = "200 OK") -> bytes:
    """Return the bytes of a complete response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
