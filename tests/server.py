"""A real server on a real port, for tests that speak HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn
from fastapi import FastAPI


@contextlib.contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve `app` on a free loopback port and yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", log_config=None))
    ready = threading.Event()
    started: list[int] = []

    class Telling(type(server)):  # type: ignore[misc]
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                started.append(self.servers[0].sockets[0].getsockname()[1])
            ready.set()

    server.__class__ = Telling
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        if not ready.wait(30) or not started:
            raise RuntimeError("the server did not start")
        yield f"http://127.0.0.1:{started[0]}"
    finally:
        server.should_exit = True
        thread.join(30)
