"""A client of a voice session, and the server that it talks to."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.clients import log_in


@dataclass
class VoiceClient:
    """An open voice session."""

    socket: ClientConnection
    received: list[dict[str, Any]] = field(default_factory=list)

    def send(self, event_type: str, **fields: Any) -> None:
        """Send an event."""
        self.socket.send(json.dumps({"type": event_type, **fields}))

    def send_audio(self, pcm: bytes) -> None:
        """Send a piece of audio."""
        self.send("input_audio_buffer.append", audio=base64.b64encode(pcm).decode())

    def next(self) -> dict[str, Any]:
        """Return the next event."""
        event: dict[str, Any] = json.loads(self.socket.recv(timeout=30))
        self.received.append(event)
        return event

    def until(self, event_type: str) -> dict[str, Any]:
        """Return the next event of a type."""
        while (event := self.next())["type"] != event_type:
            pass
        return event

    def read_to_end(self) -> tuple[int, str]:
        """Read all events, and return the code and the reason of the close."""
        try:
            while True:
                self.next()
        except ConnectionClosed as closed:
            assert closed.rcvd is not None, "the server closed the connection without a close frame"
            return closed.rcvd.code, closed.rcvd.reason

    def types(self) -> list[str]:
        """Return the types of the events so far."""
        return [event["type"] for event in self.received]

    def audio(self) -> bytes:
        """Return the audio so far."""
        deltas = (event["delta"] for event in self.received if event["type"] == "response.audio.delta")
        return b"".join(base64.b64decode(delta) for delta in deltas)


@dataclass(frozen=True)
class VoiceServer:
    """A running headrace server with a user."""

    base: str
    headers: dict[str, str]

    @property
    def client(self) -> httpx2.Client:
        """A client of the user."""
        return httpx2.Client(base_url=self.base, headers=self.headers, timeout=60)

    def create_flow(self, data: dict[str, Any], name: str = "Answer Machine") -> str:
        """Create a flow and return its id."""
        with self.client as client:
            created = client.post("/api/v1/flows/", json={"name": name, "data": data})
            assert created.status_code == 201, created.text
            return str(created.json()["id"])

    def set_variable(self, name: str, value: str) -> None:
        """Create a variable."""
        with self.client as client:
            variable = {"name": name, "value": value, "type": "Credential", "default_fields": []}
            created = client.post("/api/v1/variables/", json=variable)
            assert created.status_code == 201, created.text

    def messages(self, session_id: str) -> list[tuple[str, str]]:
        """Return the sender and the text of the messages of a session."""
        with self.client as client:
            rows = client.get("/api/v1/monitor/messages", params={"session_id": session_id}).json()
        return [(row["sender"], row["text"]) for row in rows]

    @contextlib.contextmanager
    def talk(self, path: str, **options: Any) -> Iterator[VoiceClient]:
        """Open a session, such as `flow_as_tool/ID`."""
        url = f"{self.base.replace('http', 'ws', 1)}/api/v1/voice/ws/{path}"
        options = {"additional_headers": self.headers, "compression": None, "max_size": None, **options}
        with connect(url, **options) as socket:
            yield VoiceClient(socket)


def voice_server(base: str, username: str = "admin") -> VoiceServer:
    """Return the server at an address, with a user who has logged in."""
    return VoiceServer(base, log_in(base, username))
