"""Fixtures that all tests share: a running server per database, a model server, clients."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import hypothesis
import pytest

from headrace.app import create_app
from headrace.settings import Settings, load_settings
from tests.support.databases import postgres_database
from tests.support.deployment import ALL_DEPLOYMENTS, DEFAULT_DEPLOYMENTS, Deployment
from tests.support.model_server import model_app
from tests.support.server import serving

PASSWORD = "correct horse"
#: The key of servers that share a PostgreSQL database: it decrypts the credentials that another one has stored.
SHARED_SECRET_KEY = "the secret key of the servers of the tests"

# No time limit: the first example of a test can include an import. The examples are the same in each run, unless their number is
# set: a test fails because of the change, not by chance.
hypothesis.settings.register_profile("tests", deadline=None, derandomize="HEADRACE_TEST_EXAMPLES" not in os.environ)
hypothesis.settings.load_profile("tests")

# A shell ignores SIGINT in its background jobs, and the servers and commands that the tests interrupt would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all-deployments",
        action="store_true",
        help="run each attack on SQLite and PostgreSQL, with one process and with three",
    )


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long bytes after their parameter: archives contain the time, and all workers of xdist need the same names."""
    return argname if isinstance(val, bytes) and len(val) > 32 else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marks = metafunc.definition.iter_markers("parametrize")
    if "deployment" in metafunc.fixturenames and not any(mark.args[0] == "deployment" for mark in marks):
        metafunc.parametrize("deployment", deployments_of(metafunc), ids=str, scope="session")


def deployments_of(metafunc: pytest.Metafunc) -> tuple[Deployment, ...]:
    """Return the deployments that an attack is tried on."""
    if metafunc.config.getoption("all_deployments"):
        return ALL_DEPLOYMENTS
    is_one_enough = metafunc.definition.get_closest_marker("any_database") is not None
    return DEFAULT_DEPLOYMENTS[:1] if is_one_enough else DEFAULT_DEPLOYMENTS


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run tests that share a server one after the other, and on the same worker of xdist."""
    # Imported here, because it imports this module.
    from tests.support.server_pool import group_of

    places: dict[str, int] = {}
    order: dict[pytest.Item, int] = {}
    for place, item in enumerate(items):
        order[item] = place
        if isinstance(item, pytest.Function) and "server_pool" in item.fixturenames:
            group = group_of(item, item.callspec.params["deployment"])
            item.add_marker(pytest.mark.xdist_group(group))
            order[item] = places.setdefault(group, place)
    items.sort(key=order.__getitem__)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Check that xdist keeps the tests of a group together: without that, each worker starts the servers of all groups."""
    if not getattr(session.config.option, "loadgroup", False):
        return
    for item in session.items:
        if item.get_closest_marker("xdist_group") and "@" not in item.nodeid.rpartition("]")[2]:
            raise pytest.UsageError(
                f"pytest-xdist does not apply the group of {item.nodeid}: use versions that fit together"
            )


def settings_for(folder: Path, database_url: str | None = None, **changes: object) -> Settings:
    """Return the settings of a test server with a superuser and without auto login."""
    values: dict[str, Any] = {
        "config_dir": folder,
        "auto_login": False,
        "superuser": "admin",
        "superuser_password": PASSWORD,
        "ssrf_allowed_hosts": ["127.0.0.1"],
        "database_url": database_url,
        **({"secret_key": SHARED_SECRET_KEY} if database_url else {}),
        # Many servers of the tests share one PostgreSQL.
        "pool_size": 1,
        "max_overflow": 14,
        **changes,
    }
    return load_settings(**values)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    if request.param == "sqlite":
        yield None
        return
    with postgres_database() as url:
        yield url


@pytest.fixture
def own_database_url(database_url: str | None) -> Iterator[str | None]:
    """Return None for SQLite, or the URL of a PostgreSQL database without other servers."""
    if database_url is None:
        yield None
        return
    with postgres_database() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
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
def anonymous(server: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server, timeout=30) as client:
        yield client


@pytest.fixture
def client(server: str, token: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server, timeout=30, headers={"authorization": f"Bearer {token}"}) as client:
        yield client
