"""Fixtures: a scripted model server and its endpoint."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headrace.models.openai_chat.endpoint import Endpoint
from tests.models.openai_server import KEY, OpenAIServer
from tests.support.server import serving


@pytest.fixture(scope="session")
def running_server() -> Iterator[tuple[OpenAIServer, str]]:
    server = OpenAIServer()
    with serving(server.app()) as address:
        yield server, f"{address}/v1"


@pytest.fixture
def openai_server(running_server: tuple[OpenAIServer, str]) -> OpenAIServer:
    server, _ = running_server
    server.script()
    return server


@pytest.fixture
def endpoint(running_server: tuple[OpenAIServer, str]) -> Endpoint:
    return Endpoint(running_server[1], KEY, timeout_seconds=20)
