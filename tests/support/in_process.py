"""Run flows of an application in the process of the test, without HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2
from fastapi import FastAPI

from headrace.runs.request import RunRequest
from headrace.runs.streaming import StreamItem, stream_run
from tests.conftest import PASSWORD


@dataclass(frozen=True)
class InProcessFlows:
    """The flows of an application's superuser, which run on the application's event loop."""

    app: FastAPI
    loop: asyncio.AbstractEventLoop
    headers: dict[str, str]

    def run(self, data: dict[str, Any], request: RunRequest) -> list[StreamItem]:
        """Create a flow, run it, and return the events of the run, and its result or error as the last item."""
        return asyncio.run_coroutine_threadsafe(self._run(data, request), self.loop).result(60)

    async def _run(self, data: dict[str, Any], request: RunRequest) -> list[StreamItem]:
        async with _client(self.app, self.headers) as client:
            body = {"name": str(uuid.uuid4()), "data": data}
            flow_id = (await client.post("/api/v1/flows/", json=body)).json()["id"]
            owner = UUID((await client.get("/api/v1/users/whoami")).json()["id"])
        services = self.app.state.headrace
        flow = await services.resolver.resolve(owner, flow_id)
        return [item async for item in stream_run(services.runner, owner, flow, request, heartbeat_seconds=60)]


def _client(app: FastAPI, headers: dict[str, str] | None = None) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://app", headers=headers)


@contextlib.contextmanager
def flows_of(app: FastAPI) -> Iterator[InProcessFlows]:
    """Start an application on an event loop in a thread and yield its flows."""
    ready: list[InProcessFlows] = []
    is_ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with app.router.lifespan_context(app):
            async with _client(app) as client:
                form = {"username": "admin", "password": PASSWORD}
                token = (await client.post("/api/v1/login", data=form)).json()["access_token"]
            ready.append(InProcessFlows(app, loop, {"authorization": f"Bearer {token}"}))
            is_ready.set()
            await stop.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        finally:
            is_ready.set()
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        if not is_ready.wait(60) or not ready:
            raise RuntimeError("the application did not start")
        yield ready[0]
    finally:
        if ready:
            loop.call_soon_threadsafe(stop.set)
        thread.join(30)
