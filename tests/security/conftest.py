"""Servers for the tests of attacks, in each deployment."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.blocking_component import write_sleeper
from tests.support.deployment import Deployment
from tests.support.probe import AttackedServer, attacked_server
from tests.support.server_pool import FromFixture, ServerPool, server_settings

StartServer = Callable[..., contextlib.AbstractContextManager[AttackedServer]]


@pytest.fixture(scope="session")
def server_pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerPool]:
    pool = ServerPool(tmp_path_factory.mktemp)
    yield pool
    pool.close()


@pytest.fixture
def server(request: pytest.FixtureRequest, deployment: Deployment, server_pool: ServerPool) -> Iterator[AttackedServer]:
    """Yield the server with the settings of the mark `server`, which tests with equal settings share.

    A test that ends a process of the server fails; the following tests get a new server.
    """
    settings = {
        name: str(request.getfixturevalue(value.name)) if isinstance(value, FromFixture) else value
        for name, value in server_settings(request.node).items()
    }
    shared = server_pool.get(deployment, settings, request.module.__name__)
    yield shared
    shared.assert_running()


@pytest.fixture
def new_attacker(server: AttackedServer) -> None:
    """Give the test an attacker whom no other test uses."""
    server.attacker = server.create_user()


@pytest.fixture
def start_server(deployment: Deployment, tmp_path: Path) -> StartServer:
    """Return a context manager that runs a server of this test alone, with options of `attacked_server`."""

    @contextlib.contextmanager
    def start(**options: Any) -> Iterator[AttackedServer]:
        with (
            deployment.new_database() as url,
            attacked_server(tmp_path / "config", url, workers=deployment.processes, **options) as server,
        ):
            yield server

    return start


@pytest.fixture(scope="session")
def components_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the component `Sleeper`, for `LANGFLOW_COMPONENTS_PATH`."""
    return write_sleeper(tmp_path_factory.mktemp("operator"))


@pytest.fixture
def single_user(server: AttackedServer) -> Iterator[httpx2.Client]:
    """Yield a client of the superuser who logged in without a password, on a server with auto login."""
    with server.client() as client:
        client.headers["authorization"] = f"Bearer {client.get('/api/v1/auto_login').json()['access_token']}"
        yield client
