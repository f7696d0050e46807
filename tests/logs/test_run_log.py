"""What the log of a server says about requests and runs, and what it keeps to itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.clients import log_in
from tests.support.custom_code import SHOUT, approve_code, flow_with_code, save_flow
from tests.support.flow_builder import echo_flow
from tests.support.flows import create_flow
from tests.support.process import running
from tests.support.waiting import until

TEXT = "a text of a user"


def failing_flow(statement: str) -> dict[str, Any]:
    """Return a flow with a component whose method executes a statement that fails."""
    return flow_with_code(SHOUT.replace("data = Data(value=self.input_value.upper() * self.times)", statement))


def create_failing_flow(client: httpx2.Client, statement: str) -> str:
    """Create such a flow, approve its code and return its id."""
    saved = save_flow(client, failing_flow(statement))
    assert approve_code(client, saved).is_success
    return str(saved["id"])


class LoggingServer:
    """A server whose log is a file of JSON lines."""

    def __init__(self, base: str, path: Path) -> None:
        self.base = base
        self._path = path
        self.headers = log_in(base)

    def text(self) -> str:
        return self._path.read_text(encoding="utf-8")

    def line(self, *words: str) -> dict[str, Any]:
        """Return the first line that contains all words, once it is written."""
        found = until(lambda: [t for t in self.text().splitlines() if all(word in t for word in words)])
        entry: dict[str, Any] = json.loads(found[0])
        return entry


@pytest.fixture(scope="module", params=["1", "2"], ids=["one process", "two processes"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoggingServer]:
    folder = tmp_path_factory.mktemp("log")
    into_log = ("sh", "-c", f'exec "$0" "$@" 2>{folder / "log"}')
    settings = {"LANGFLOW_WORKERS": request.param, "HEADRACE_LOG_FORMAT": "json", "HEADRACE_CODE_ISOLATION": "none"}
    with running(folder, before=into_log, **settings) as (base, _):
        yield LoggingServer(base, folder / "log")


@pytest.fixture
def client(server: LoggingServer) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.base, headers=server.headers, timeout=60) as client:
        yield client


def test_each_request_is_a_line_without_its_query(server: LoggingServer, client: httpx2.Client) -> None:
    flow_id = create_flow(client, echo_flow())
    answer = client.post(f"/api/v1/run/{flow_id}?x-secret={TEXT}", json={"input_value": TEXT})
    entry = server.line(f"/api/v1/run/{flow_id}")
    assert (entry["event"], entry["method"], entry["path"]) == ("request", "POST", f"/api/v1/run/{flow_id}")
    assert (entry["status"], entry["client"], entry["level"]) == (200, "127.0.0.1", "info")
    assert entry["request_id"] == answer.headers["x-request-id"]
    assert entry["milliseconds"] > 0
    client.get("/health")
    client.get("/api/v1/version?end=1")
    server.line("/api/v1/version")
    assert '"/health"' not in server.text()
    assert TEXT not in server.text()


def test_a_failed_run_is_logged_with_the_lines_of_code_and_without_the_message(
    server: LoggingServer, client: httpx2.Client
) -> None:
    flow_id = create_failing_flow(client, "raise ValueError(f'no number: {self.input_value}')")
    answer = client.post(f"/api/v1/run/{flow_id}", json={"input_value": TEXT})
    assert answer.status_code == 500
    entry = server.line("failed in", flow_id)
    assert (entry["level"], entry["request_id"]) == ("warning", answer.headers["x-request-id"])
    assert "ValueError" in entry["event"]
    assert "in build_output" in entry["event"]
    assert TEXT not in server.text()


def test_a_component_that_exits_is_named_with_its_status(server: LoggingServer, client: httpx2.Client) -> None:
    flow_id = create_failing_flow(client, "raise SystemExit(3)")
    assert client.post(f"/api/v1/run/{flow_id}", json={"input_value": TEXT}).status_code == 500
    assert "sys.exit(3)" in server.line("failed in", flow_id)["event"]
    assert TEXT not in server.text()
