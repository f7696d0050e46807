"""Starts that fail: one line with the cause and the remedy on standard error, and status 1."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from headrace.settings import load_settings
from tests.support.clients import log_in
from tests.support.command import headrace
from tests.support.databases import ADMIN_URL
from tests.support.process import free_port, running
from tests.support.rejecting_postgres import rejecting_postgres

HOST_AND_PORT = ADMIN_URL.rpartition("@")[2].rpartition("/")[0]


@dataclass(frozen=True)
class Start:
    """A start that fails. Texts in braces name the values of the fixture `places`.

    Attributes:
        words: parts of the line that is printed.
        arguments: the command.
        environment: variables of the process.

    """

    words: tuple[str, ...]
    arguments: tuple[str, ...] = ("run", "--port", "0")
    environment: dict[str, str] = field(default_factory=dict)


def _database(url: str) -> dict[str, str]:
    return {"LANGFLOW_DATABASE_URL": url}


NO_AUTO_LOGIN = {"LANGFLOW_AUTO_LOGIN": "false"}

STARTS = {
    "port in use": Start(("Port {port}", "in use", "--port"), ("run", "--port", "{port}")),
    "port in use by two processes": Start(("Port {port}", "in use"), ("run", "--workers", "2", "--port", "{port}")),
    "address of another machine": Start(
        ("does not have the address 203.0.113.1", "--host"), ("run", "--host", "203.0.113.1"), NO_AUTO_LOGIN
    ),
    "unknown host name": Start(
        ("'server.invalid' has no address", "--host"), ("run", "--host", "server.invalid"), NO_AUTO_LOGIN
    ),
    "auto login beyond loopback": Start(("LANGFLOW_SUPERUSER_PASSWORD",), ("run", "--host", "0.0.0.0")),
    "no password": Start(("LANGFLOW_SUPERUSER_PASSWORD",), environment=NO_AUTO_LOGIN),
    "value of a setting": Start(("LANGFLOW_PORT", "65535"), ("run", "--port", "99999")),
    "root path": Start(("LANGFLOW_ROOT_PATH", "such as /flows"), ("run", "--root-path", "flows")),
    "env file": Start(("none.env does not exist",), ("run", "--env-file", "none.env")),
    "unknown kind of database": Start(
        ("LANGFLOW_DATABASE_URL", "postgresql://"), environment=_database("mysql://ada:hunter2@h/flows")
    ),
    "port of the database": Start(("LANGFLOW_DATABASE_URL", "number"), environment=_database("postgresql://h:x/flows")),
    "database down": Start(("cannot be reached", "refused"), environment=_database("{unreachable}")),
    "database down for two processes": Start(
        ("cannot be reached", "refused"), ("run", "--port", "0", "--workers", "2"), _database("{unreachable}")
    ),
    "database down for migrate": Start(("cannot be reached",), ("migrate",), _database("{unreachable}")),
    "database down for superuser": Start(
        ("cannot be reached",), ("superuser", "--username", "a", "--password", "b"), _database("{unreachable}")
    ),
    "host of the database": Start(
        ("cannot be reached at db.invalid:5432",), ("migrate",), _database("postgresql://db.invalid/flows")
    ),
    "missing database": Start(
        (f"{HOST_AND_PORT} has no database 'headrace_missing'", "createdb"), ("migrate",), _database("{missing}")
    ),
    "wrong password": Start(
        ("rejects the user 'ada'", "LANGFLOW_DATABASE_URL"), ("migrate",), _database("{rejecting}")
    ),
    "parameter of the database": Start(
        ("parameter", "LANGFLOW_DATABASE_URL"), ("migrate",), _database(f"{ADMIN_URL}?color=blue")
    ),
    "file in place of a folder": Start(
        ("cannot be created or written", "LANGFLOW_CONFIG_DIR"),
        environment={"LANGFLOW_CONFIG_DIR": "{damaged}/config"},
    ),
    "file in place of a folder, with PostgreSQL": Start(
        ("cannot be read or written", "LANGFLOW_CONFIG_DIR"),
        environment={"LANGFLOW_CONFIG_DIR": "{damaged}/config", **_database("{postgres}")},
    ),
    "folder of the database": Start(
        ("cannot be created or written", "LANGFLOW_DATABASE_URL"), ("migrate",), _database("sqlite:////proc/none/a.db")
    ),
    "not a database": Start(("damaged or not an SQLite database",), ("migrate",), _database("sqlite:///{damaged}")),
    "newer tables": Start(("revision '9000'", "newer version", "backup"), ("migrate",), _database("sqlite:///{newer}")),
    "tables of another program": Start(
        ("another program", "LANGFLOW_DATABASE_URL"), ("migrate",), _database("sqlite:///{other}")
    ),
    "front end": Start(("LANGFLOW_FRONTEND_PATH", "index.html"), environment={"LANGFLOW_FRONTEND_PATH": "/proc"}),
}


def _write_revision(path: Path, revision: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
        connection.commit()
    return path


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """Yield the values of the texts in braces."""
    folder = tmp_path_factory.mktemp("starts")
    damaged = folder / "damaged.db"
    damaged.write_bytes(b"text" * 1000)
    with socket.socket() as used, rejecting_postgres("28P01") as rejecting:
        used.bind(("127.0.0.1", 0))
        used.listen()
        yield {
            "port": used.getsockname()[1],
            "unreachable": f"postgresql://ada:hunter2@127.0.0.1:{free_port()}/flows",
            "rejecting": f"postgresql://ada:hunter2@127.0.0.1:{rejecting}/flows",
            "missing": f"{ADMIN_URL.rpartition('/')[0]}/headrace_missing",
            "damaged": damaged,
            "newer": _write_revision(folder / "newer.db", "9000"),
            "other": _write_revision(folder / "other.db", "4e5980a44eaa"),
        }


@pytest.mark.parametrize("cause", STARTS)
def test_a_failed_start_prints_one_line_with_cause_and_remedy(
    cause: str, places: dict[str, object], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    start = STARTS[cause]
    if "{postgres}" in start.environment.values():
        places = {**places, "postgres": request.getfixturevalue("postgres_url")}
    environment = {name: value.format_map(places) for name, value in start.environment.items()}
    folder = Path(environment.pop("LANGFLOW_CONFIG_DIR", str(tmp_path)))
    result = headrace(*(a.format_map(places) for a in start.arguments), folder=folder, **environment)
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    for word in start.words:
        assert word.format_map(places) in line
    assert "hunter2" not in line


def test_the_error_of_a_start_is_a_json_object_in_a_log_of_json_lines(
    places: dict[str, object], tmp_path: Path
) -> None:
    result = headrace("run", "--port", str(places["port"]), folder=tmp_path, HEADRACE_LOG_FORMAT="json")
    assert result.returncode == 1
    assert "in use" in json.loads(result.stderr)["event"]


def test_a_start_without_the_secret_key_of_stored_credentials_fails(
    own_database_url: str | None, tmp_path: Path
) -> None:
    with running(tmp_path, own_database_url, LANGFLOW_SECRET_KEY="") as (base, _):
        body = {"name": "KEY", "value": "sk-1", "type": "Credential", "default_fields": []}
        assert httpx2.post(f"{base}/api/v1/variables/", json=body, headers=log_in(base)).status_code == 201
    (tmp_path / "secret_key").unlink()
    environment = {"LANGFLOW_DATABASE_URL": own_database_url} if own_database_url else {}
    failed = headrace("run", "--port", "0", folder=tmp_path, **environment)
    assert (failed.returncode, failed.stdout) == (1, "")
    (line,) = failed.stderr.splitlines()
    assert f"{tmp_path / 'secret_key'} is missing" in line
    assert not (tmp_path / "secret_key").exists()
    with running(tmp_path, own_database_url, LANGFLOW_SECRET_KEY="a new key, at least 32 bytes long") as (base, _):
        assert httpx2.get(f"{base}/health").status_code == 200


def test_a_name_that_is_no_setting_is_a_warning_with_the_nearest_setting(
    places: dict[str, object], tmp_path: Path
) -> None:
    result = headrace(
        "run",
        "--port",
        str(places["port"]),
        folder=tmp_path,
        HEADRACE_MAX_RUN="1",
        LANGFLOW_PROMETHEUS_PORT="9090",
        HEADRACE_DATABASE_URL="postgresql://ada:hunter2@h/flows",
        LANGFLOW_ZEBRA="1",
    )
    warnings = [line for line in result.stderr.splitlines() if "no effect" in line]
    assert len(warnings) == 4
    assert (
        "HEADRACE_DATABASE_URL is not a setting and has no effect. Did you mean LANGFLOW_DATABASE_URL?" in warnings[0]
    )
    assert "Did you mean HEADRACE_MAX_RUNS?" in warnings[1]
    assert "LANGFLOW_PROMETHEUS_PORT has no effect: `GET /metrics`" in warnings[2]
    assert "LANGFLOW_ZEBRA is not a setting" in warnings[3]
    assert "hunter2" not in result.stderr


def test_parameters_of_a_database_url_for_libpq_are_those_of_the_driver() -> None:
    settings = load_settings(database_url="postgres://h/flows?application_name=x&sslmode=require")
    assert settings.database_url == "postgresql+asyncpg://h/flows?application_name=x&ssl=require"
