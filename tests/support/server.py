"""Serve an application over HTTP on a loopback port."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from starlette.types import ASGIApp


#: How long the requests of a server that is to stop may go on. Some tests leave requests that would never end.
_GRACE_SECONDS = 1


@contextlib.contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve `app` on a free loopback port and yield its address."""
    ready = threading.Event()
    started: list[int] = []

    class ReportingServer(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                started.append(self.servers[0].sockets[0].getsockname()[1])
            ready.set()

    server = ReportingServer(
        uvicorn.Config(
            app,
            host="127.0.0.1",
            port=0,
            log_level="critical",
            log_config=None,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        if not ready.wait(30) or not started:
            raise RuntimeError("the server did not start")
        yield f"http://127.0.0.1:{started[0]}"
    finally:
        server.should_exit = True
        thread.join(30)
