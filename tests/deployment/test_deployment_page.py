"""The configuration and the commands of the page on deployment work."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from headrace.settings.environment_names import unused_variable_warnings
from tests.conftest import PASSWORD
from tests.support.clients import log_in
from tests.support.databases import postgres_database
from tests.support.flow_builder import echo_flow
from tests.support.flows import create_flow
from tests.support.nginx import nginx
from tests.support.process import running
from tests.support.waiting import until

PAGE = (Path(__file__).parents[2] / "docs" / "deployment.md").read_text(encoding="utf-8")
TOKEN = "token-of-the-collector"
PREFIX = "/flows"


def block(language: str, containing: str = "") -> str:
    """Return the only code block in a language that contains a text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (found,) = [text for text in blocks if containing in text]
    return str(found)


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a server of two processes with the settings of the page and yield its own address."""
    settings = dict(line.split("=", 1) for line in block("ini").splitlines())
    settings |= {"LANGFLOW_SUPERUSER_PASSWORD": PASSWORD, "HEADRACE_METRICS_TOKEN": TOKEN, "LANGFLOW_WORKERS": "2"}
    del settings["LANGFLOW_CONFIG_DIR"]
    with running(tmp_path_factory.mktemp("config"), **settings) as (base, _):
        until(lambda: httpx2.get(f"{base}/health", timeout=30).status_code == 200)
        yield base


@pytest.fixture(scope="module", params=["the proxy passes the prefix on", "the proxy removes the prefix"])
def proxied(direct: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run nginx with the configuration of the page and yield the address of headrace behind it."""
    servers = block("nginx")
    if "removes" in request.param:
        servers = servers.replace("proxy_pass http://headrace;", "proxy_pass http://headrace/;")
    port = int(direct.rpartition(":")[2])
    with nginx(tmp_path_factory.mktemp("nginx") / "run", servers, upstream_port=port) as base:
        yield f"{base}{PREFIX}"


@pytest.fixture
def client(proxied: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=proxied, headers=log_in(proxied), timeout=60) as client:
        yield client


def test_the_settings_of_the_page_exist() -> None:
    assert unused_variable_warnings(re.findall(r"\b(?:LANGFLOW|HEADRACE)_[A-Z0-9_]+", PAGE)) == []


def test_the_unit_of_systemd_is_valid(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "headrace.service"
    text = block("systemd").replace("/opt/headrace/bin/headrace", sys.executable).replace("User=headrace", "User=root")
    unit.write_text(text)
    result = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
    assert [line for line in result.stderr.splitlines() if "headrace.service" in line] == []
    grace = re.search(r"TimeoutStopSec=(\d+)", text)
    assert grace is not None
    assert int(grace[1]) > 30


def test_runs_and_events_pass_through_the_proxy_as_they_happen(client: httpx2.Client) -> None:
    flow_id = create_flow(client, echo_flow())
    answer = client.post(f"/api/v1/run/{flow_id}", json={"input_value": "hello"})
    assert answer.status_code == 200
    with client.stream("POST", f"/api/v1/run/{flow_id}?stream=true", json={"input_value": "hello"}) as response:
        events = [json.loads(line)["event"] for line in response.iter_lines() if line.strip()]
        assert "transfer-encoding" in response.headers
    assert events[-1] == "end"


def test_an_upload_larger_than_other_bodies_passes_through_the_proxy(client: httpx2.Client) -> None:
    content = bytes(range(256)) * 80_000
    stored = client.post("/api/v2/files", files={"file": ("large.bin", content)})
    assert stored.status_code == 201, stored.text
    assert client.get(f"/api/v2/files/{stored.json()['id']}").content == content


def test_redirects_the_pages_and_the_api_document_contain_the_prefix(client: httpx2.Client, proxied: str) -> None:
    redirect = client.get("/api/v1/flows", follow_redirects=False)
    assert (redirect.status_code, redirect.headers["location"]) == (307, f"{proxied}/api/v1/flows/")
    document = client.get("/openapi.json").json()
    assert document["servers"] == [{"url": PREFIX}]
    scheme = document["components"]["securitySchemes"]["OAuth2PasswordBearer"]
    assert scheme["flows"]["password"]["tokenUrl"] == f"{PREFIX}/api/v1/login"
    page = client.get("/docs")
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(assets) >= 3
    for asset in assets:
        if not asset.startswith("data:"):
            assert httpx2.get(httpx2.URL(f"{proxied}/docs").join(asset)).status_code == 200


def test_the_server_knows_the_address_of_the_client_and_denies_requests_without_credentials(proxied: str) -> None:
    assert httpx2.get(f"{proxied}/api/v1/users/whoami").status_code == 403
    assert httpx2.get(f"{proxied}/health").json() == {"status": "ok"}


def test_requests_that_come_directly_work_without_the_prefix(direct: str) -> None:
    assert httpx2.get(f"{direct}/health").status_code == 200
    assert httpx2.get(f"{direct}{PREFIX}/health").status_code == 200


def test_metrics_are_readable_with_the_token_and_for_superusers_only(direct: str) -> None:
    headers = log_in(direct)
    assert httpx2.get(f"{direct}/metrics").status_code == 403
    assert httpx2.get(f"{direct}/metrics", headers={"authorization": "Bearer wrong"}).status_code == 401
    assert httpx2.get(f"{direct}/metrics", headers=headers).status_code == 200
    text = until(
        lambda: (
            "headrace_processes 2.0"
            in (t := httpx2.get(f"{direct}/metrics", headers={"authorization": f"Bearer {TOKEN}"}).text)
            and t
        )
    )
    assert 'headrace_requests_total{method="GET",status="200"}' in text
    assert re.search(r"^headrace_memory_bytes [1-9]", text, re.MULTILINE)


@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
def test_a_backup_restores_flows_files_and_credentials(kind: str, tmp_path: Path) -> None:
    if kind == "SQLite":
        _check_backup(tmp_path, None, block("sh", "VACUUM INTO"), block("sh", "install -m 600"))
        return
    with postgres_database() as url:
        _check_backup(tmp_path, url, block("sh", "pg_dump"), block("sh", "pg_restore"))


def _check_backup(folder: Path, database_url: str | None, back_up: str, restore: str) -> None:
    config = folder / "config"
    config.mkdir()
    environment = {
        "LANGFLOW_CONFIG_DIR": str(config),
        "LANGFLOW_DATABASE_URL": database_url or "",
        "BACKUP": str(folder / "backup"),
    }

    def run(script: str) -> None:
        subprocess.run(["bash", "-eu", "-c", script], env={"PATH": "/usr/bin:/bin", **environment}, check=True)

    with (
        running(config, database_url, LANGFLOW_SECRET_KEY="") as (base, _),
        httpx2.Client(base_url=base, headers=log_in(base)) as client,
    ):
        flow_id = create_flow(client, echo_flow())
        file_id = client.post("/api/v2/files", files={"file": ("a.txt", b"kept")}).json()["id"]
        body = {"name": "KEY", "value": "sk-kept", "type": "Credential", "default_fields": []}
        assert client.post("/api/v1/variables/", json=body).status_code == 201
        run(block("sh", 'files.tar" --ignore-failed-read'))
        run(back_up)
        client.delete(f"/api/v1/flows/{flow_id}")
        client.delete(f"/api/v2/files/{file_id}")
    (config / "secret_key").unlink()
    run(block("sh", "tar --extract"))
    run(restore)
    with (
        running(config, database_url, LANGFLOW_SECRET_KEY="") as (base, _),
        httpx2.Client(base_url=base, headers=log_in(base)) as client,
    ):
        assert client.get(f"/api/v1/flows/{flow_id}").status_code == 200
        assert client.get(f"/api/v2/files/{file_id}").content == b"kept"
        assert [v["name"] for v in client.get("/api/v1/variables/").json()] == ["KEY"]
