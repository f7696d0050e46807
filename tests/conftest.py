"""Fixtures: a running server on each database, a model server, clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import hypothesis
import pytest

from headrace.app import create_app
from headrace.settings import Settings
from tests.databases import postgres_database
from tests.model_server import model_app
from tests.server import serving

PASSWORD = "correct horse"

# No test is timed: the first example of some pays for an import.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def settings_for(folder: Path, database_url: str | None = None, **changes: object) -> Settings:
    """Return the settings of a test server with auth on."""
    values: dict[str, object] = {
        "config_dir": folder,
        "auto_login": False,
        "superuser": "admin",
        "superuser_password": PASSWORD,
        "ssrf_allowed_hosts": ["127.0.0.1"],
        "database_url": database_url,
        **changes,
    }
    return Settings(**values)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    if request.param == "sqlite":
        yield None
        return
    with postgres_database() as url:
        yield url


@pytest.fixture(scope="session")
def server(database_url: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(
        create_app(
            settings_for(
                tmp_path_factory.mktemp("config"), database_url, max_request_bytes=2_000_000, custom_code="nobody"
            )
        )
    ) as address:
        yield address


@pytest.fixture(scope="session")
def model_url() -> Iterator[str]:
    with serving(model_app()) as address:
        yield f"{address}/v1"


@pytest.fixture(scope="session")
def token(server: str) -> str:
    answer = httpx2.post(f"{server}/api/v1/login", data={"username": "admin", "password": PASSWORD})
    return str(answer.json()["access_token"])


@pytest.fixture
def anyone(server: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server, timeout=30) as client:
        yield client


@pytest.fixture
def client(server: str, token: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server, timeout=30, headers={"authorization": f"Bearer {token}"}) as client:
        yield client
