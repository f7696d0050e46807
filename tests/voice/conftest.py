"""A headrace server with voice, and the server of its realtime model."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from headrace.api.dependencies import Services
from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.flow_builder import echo_flow
from tests.support.realtime_server import KEY, RealtimeServer, listen, realtime_server
from tests.support.server import serving
from tests.support.voice_client import VoiceServer, voice_server
from tests.support.waiting import until


@dataclass
class Voice:
    """The servers, and an echo flow of the user."""

    server: VoiceServer
    model: RealtimeServer
    flow_id: str
    services: Services
    loop: asyncio.AbstractEventLoop

    def voice_tasks(self) -> list[str]:
        """Return the names of the tasks of voice sessions."""

        async def names() -> list[str]:
            return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("voice-")]

        return asyncio.run_coroutine_threadsafe(names(), self.loop).result(10)

    def wait_until_idle(self) -> None:
        """Wait until no session, task or connection is left."""
        self.model.wait_until_closed()
        until(lambda: self.services.voice_sessions.open_sessions == 0 and not self.voice_tasks())


@pytest.fixture(scope="session")
def realtime() -> Iterator[RealtimeServer]:
    with realtime_server() as server:
        yield server


@pytest.fixture(scope="session")
def shared_voice(
    realtime: RealtimeServer, database_url: str | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Voice]:
    with running_voice(tmp_path_factory.mktemp("voice"), realtime, database_url) as voice:
        yield voice


@pytest.fixture
def voice(shared_voice: Voice) -> Iterator[Voice]:
    shared_voice.model.play(listen)
    yield shared_voice
    shared_voice.wait_until_idle()


@contextlib.contextmanager
def running_voice(
    folder: Path, model: RealtimeServer, database_url: str | None = None, **settings: object
) -> Iterator[Voice]:
    """Run a server whose user has a key and an echo flow."""
    started: list[tuple[Services, asyncio.AbstractEventLoop]] = []
    values = {"voice_realtime_url": model.url, "voice_speech_services": "openai", **settings}
    app = create_app(
        settings_for(folder, database_url, **values),
        on_start=lambda services: started.append((services, asyncio.get_running_loop())),
    )
    with serving(app) as base:
        server = voice_server(base)
        server.set_variable("OPENAI_API_KEY", KEY)
        yield Voice(server, model, server.create_flow(echo_flow()), *started[0])
