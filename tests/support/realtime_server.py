"""A server of the Realtime API that plays sequences of events, as recorded from such servers."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.support.waiting import until

KEY = "sk-realtime"
#: Samples per second of PCM16 audio.
SAMPLE_RATE = 24_000


@dataclass
class ModelSide:
    """One connection, as the model's server sees it."""

    socket: ServerConnection
    received: list[dict[str, Any]]
    #: The size of the messages that the network has accepted, in bytes.
    sent_bytes: int = 0

    async def send(self, *events: dict[str, Any] | str) -> None:
        """Send events, or texts that are not events."""
        for event in events:
            message = event if isinstance(event, str) else json.dumps(event)
            await self.socket.send(message)
            self.sent_bytes += len(message)

    async def receive(self, event_type: str) -> dict[str, Any]:
        """Return the next event of a type, and skip others."""
        while True:
            event: dict[str, Any] = json.loads(await self.socket.recv())
            self.received.append(event)
            if event["type"] == event_type:
                return event


Script = Callable[[ModelSide], Awaitable[None]]


async def listen(model: ModelSide) -> None:
    """Receive events until the connection is closed."""
    await model.receive("never")


@dataclass
class RealtimeServer:
    """A running server. Tests set the script that each connection plays."""

    url: str = ""
    script: Script = listen
    sides: list[ModelSide] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    open_connections: int = 0

    @property
    def received(self) -> list[dict[str, Any]]:
        """The events of the last connection, if there is one."""
        return self.sides[-1].received if self.sides else []

    def types(self) -> list[str]:
        """Return the types of the events of the last connection."""
        return [event["type"] for event in self.received]

    def play(self, script: Script) -> None:
        """Set the script and forget earlier connections."""
        self.script = script
        self.sides.clear()

    def wait_until_closed(self) -> None:
        """Wait until no connection is open."""
        until(lambda: self.open_connections == 0)

    async def handle(self, socket: ServerConnection) -> None:
        request = socket.request
        assert request is not None
        self.headers.append({name.lower(): value for name, value in request.headers.raw_items()})
        self.paths.append(request.path)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            await socket.close(3000, "invalid_request_error.invalid_api_key")
            return
        side = ModelSide(socket, [])
        self.sides.append(side)
        self.open_connections += 1
        try:
            await self.script(side)
        except ConnectionClosed:
            pass
        finally:
            self.open_connections -= 1


@contextlib.contextmanager
def realtime_server() -> Iterator[RealtimeServer]:
    """Run a server in a thread of its own."""
    server = RealtimeServer()
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stopping = asyncio.Event()

    async def run() -> None:
        async with serve(server.handle, "127.0.0.1", 0, max_size=None, compression=None) as listening:
            port = next(iter(listening.sockets)).getsockname()[1]
            server.url = f"ws://127.0.0.1:{port}/v1/realtime"
            ready.set()
            await stopping.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield server
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(10)
        loop.close()


def audio(response_id: str, pcm: bytes, *, delta: str = "response.output_audio.delta") -> dict[str, Any]:
    """Return an event with a piece of audio."""
    return {
        "type": delta,
        "event_id": "event_a",
        "response_id": response_id,
        "item_id": f"item_{response_id}",
        "output_index": 0,
        "content_index": 0,
        "delta": base64.b64encode(pcm).decode(),
    }


def created(response_id: str) -> dict[str, Any]:
    """Return the event at the start of a response."""
    return {"type": "response.created", "response": {"id": response_id, "status": "in_progress", "output": []}}


def done(response_id: str, *items: dict[str, Any], status: str = "completed") -> dict[str, Any]:
    """Return the event at the end of a response."""
    return {"type": "response.done", "response": {"id": response_id, "status": status, "output": list(items)}}


def function_call(name: str, call_id: str, text: str) -> dict[str, Any]:
    """Return the item of a complete function call."""
    arguments = json.dumps({"input": text})
    return {
        "id": f"item_{call_id}",
        "type": "function_call",
        "status": "completed",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }


def item_done(response_id: str, item: dict[str, Any]) -> dict[str, Any]:
    """Return the event at the end of an item."""
    return {"type": "response.output_item.done", "response_id": response_id, "output_index": 0, "item": item}


def transcript_of_user(text: str) -> dict[str, Any]:
    """Return the event with the words of the user."""
    return {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": "item_user",
        "content_index": 0,
        "transcript": text,
    }


def transcript_of_answer(response_id: str, text: str) -> dict[str, Any]:
    """Return the event with the words of the model."""
    return {
        "type": "response.output_audio_transcript.done",
        "response_id": response_id,
        "item_id": f"item_{response_id}",
        "output_index": 0,
        "content_index": 0,
        "transcript": text,
    }
