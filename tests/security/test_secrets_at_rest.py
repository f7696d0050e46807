"""The database, the configuration folder and the log keep secrets from other users of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import httpx2
import pytest

from tests.conftest import PASSWORD
from tests.security.shared_settings import BEHIND_PROXY
from tests.support.clients import log_in
from tests.support.probe import AttackedServer
from tests.support.process import COMMAND, free_port, running
from tests.support.waiting import until


def modes(folder: Path) -> dict[str, str]:
    """Return the permissions of a folder and of the files in it."""
    paths = [folder, *(path for path in folder.iterdir() if path.is_file())]
    return {path.name: f"{path.stat().st_mode & 0o777:o}" for path in paths}


def test_database_and_keys_are_readable_by_their_user_only(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "config"
    with running(folder):
        assert modes(folder) == {
            "config": "700",
            "headrace.db": "600",
            "headrace.db-shm": "600",
            "headrace.db-wal": "600",
            "secret_key": "600",
        }


def test_permissions_of_an_older_installation_are_corrected(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    with running(folder) as (base, pid):
        httpx2.post(f"{base}/api/v1/login", data={"username": "admin", "password": PASSWORD})
        os.kill(pid, 9)
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)
    with running(folder):
        assert set(modes(folder).values()) == {"700", "600"}
        assert modes(folder)["config"] == "700"


def test_a_database_outside_of_the_configuration_folder_is_private_and_its_folder_unchanged(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    with running(tmp_path / "config", f"sqlite:///{shared / 'flows.db'}"):
        found = modes(shared)
    assert found.pop("shared") == "755"
    assert set(found.values()) == {"600"}


@pytest.mark.parametrize("where", ["setting", "file"])
def test_a_short_secret_key_is_refused_in_one_line(tmp_path: Path, where: str) -> None:
    environment = {**os.environ, "LANGFLOW_CONFIG_DIR": str(tmp_path), "LANGFLOW_AUTO_LOGIN": "true"}
    key = uuid.uuid4().hex[:31]
    if where == "setting":
        environment["LANGFLOW_SECRET_KEY"] = key
    else:
        (tmp_path / "secret_key").write_text(key)
    command = [sys.executable, "-c", COMMAND, "run", "--port", str(free_port())]
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert refused.returncode != 0
    line, *more = refused.stderr.strip().splitlines()
    assert all("Application startup failed" in other for other in more)
    assert "HEADRACE_ALLOW_SHORT_SECRET_KEY=true" in line
    assert "32 bytes" in line or "at least 32" in line
    assert key not in line
    override = {k: environment[k] for k in ("LANGFLOW_SECRET_KEY",) if k in environment}
    with running(tmp_path, HEADRACE_ALLOW_SHORT_SECRET_KEY="true", **override) as (base, _):
        assert httpx2.get(f"{base}/api/v1/users/whoami", headers=log_in(base)).status_code == 200


@pytest.mark.server(**BEHIND_PROXY)
def test_the_log_contains_no_values_of_rows(server: AttackedServer) -> None:
    secret = f"secret-{uuid.uuid4()}"
    with server.client(server.admin) as client:
        variable = {"name": secret, "value": secret, "type": "Generic", "default_fields": []}
        assert client.post("/api/v1/variables/", json=variable).status_code == 201
        assert client.post("/api/v1/variables/", json=variable).status_code == 400
        # A text that PostgreSQL rejects, and whose error therefore quotes it.
        client.post("/api/v1/projects/", json={"name": f"{secret}\x00"})
        key = client.post("/api/v1/api_key/", json={}).json()["api_key"]
        marker = str(uuid.uuid4())
        assert client.get("/api/v1/users/", params={"marker": marker}).status_code == 200
    until(lambda: marker in server.log)
    for value in (secret, key, PASSWORD, "$argon2"):
        assert value not in server.log
