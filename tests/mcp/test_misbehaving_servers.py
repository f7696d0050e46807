"""A misbehaving MCP server fails the run that uses it, with the reason, and no other run."""

from __future__ import annotations

import json
import os
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from headrace.app import create_app
from tests.conftest import PASSWORD, settings_for
from tests.support.clients import log_in
from tests.support.flow_builder import FlowBuilder, echo_flow
from tests.support.hostile_mcp_server import hostile_app
from tests.support.process import running
from tests.support.server import serving
from tests.support.waiting import until

COMMAND = Path(__file__).parents[1] / "support" / "mcp_command.py"
LIMITS: dict[str, Any] = {
    "mcp_server_timeout": 5,
    "mcp_call_seconds": 5,
    "mcp_command_memory_mib": 200,
    "mcp_command_processes": 8,
    "mcp_max_message_mib": 1,
    "max_outbound_response_mib": 1,
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(create_app(settings_for(tmp_path_factory.mktemp("config"), **LIMITS))) as base:
        yield base


@pytest.fixture(scope="module")
def admin(base: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=base, headers=log_in(base), timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def hostile_url() -> Iterator[str]:
    with serving(Starlette(routes=[Mount("/", app=hostile_app)])) as address:
        yield address


def store(client: httpx2.Client, config: dict[str, Any]) -> str:
    name = f"server-{uuid.uuid4().hex[:8]}"
    response = client.post(f"/api/v2/mcp/servers/{name}", json=config)
    assert response.status_code == 200, response.text
    return name


def command(mode: str, **more: Any) -> dict[str, Any]:
    return {"command": sys.executable, "args": [str(COMMAND), mode], **more}


def create_flow(client: httpx2.Client, data: dict[str, Any]) -> str:
    body = {"name": f"mcp {uuid.uuid4()}", "data": data}
    return str(client.post("/api/v1/flows/", json=body).json()["id"])


def tool_flow(server: object, tool: str = "echo", **values: Any) -> FlowBuilder:
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("MCPTools", "MCP-m", mcp_server=server, tool=tool, **values)
        .node("ChatOutput", "ChatOutput-b")
        .edge("MCP-m", "response", "ChatOutput-b", "input_value")
    )


def call(client: httpx2.Client, server: str, text: str = "x", tool: str = "echo") -> httpx2.Response:
    flow = create_flow(client, tool_flow({"name": server}, tool, text=text).data)
    return client.post(f"/api/v1/run/{flow}", json={"input_value": "x"})


def text_of(response: httpx2.Response) -> str:
    assert response.status_code == 200, response.text
    return str(response.json()["outputs"][0]["outputs"][0]["results"]["message"]["text"])


def problem_of(response: httpx2.Response) -> str:
    assert response.status_code == 500, response.text
    return str(json.loads(response.json()["detail"])["message"])


@pytest.mark.parametrize(
    ("mode", "problem"),
    [
        ("mute", "did not answer within 5 s"),
        ("hang", "did not answer within 5 s"),
        ("die", "its command ended with status 7"),
        ("garbage", "lines that are not MCP messages"),
        ("large line", "a message of more than 1 MiB"),
        ("flood", "messages per second"),
        ("memory", "more than 200 MiB of memory"),
        ("processes", "more than 8 processes"),
    ],
)
def test_a_misbehaving_command_fails_its_run_alone_and_is_started_again(
    admin: httpx2.Client, mode: str, problem: str
) -> None:
    server = store(admin, command(mode))
    echo = create_flow(admin, echo_flow())
    results: list[httpx2.Response] = []
    thread = threading.Thread(target=lambda: results.append(call(admin, server)))
    thread.start()
    while thread.is_alive():
        assert admin.post(f"/api/v1/run/{echo}", json={"input_value": "hello"}).status_code == 200
    assert problem in problem_of(results[0])
    if mode not in {"mute", "hang"}:
        assert "well-behaved" in text_of(call(admin, server, "well-behaved"))


@pytest.mark.parametrize(
    ("mode", "problem"),
    [
        ("hang", "did not answer within 5 s"),
        ("die", "cannot be used"),
        ("garbage", "cannot be used"),
        ("page", "cannot be used"),
        ("flood", "cannot be used"),
        ("events", ""),
        ("redirect", "Redirect to http://10.255.255.1/mcp not followed"),
        ("redirect at once", "Redirect to http://10.255.255.1/mcp not followed"),
    ],
)
def test_a_misbehaving_http_server_fails_its_run_alone(
    admin: httpx2.Client, hostile_url: str, mode: str, problem: str
) -> None:
    server = store(admin, {"url": f"{hostile_url}/{mode}"})
    echo = create_flow(admin, echo_flow())
    results: list[httpx2.Response] = []
    thread = threading.Thread(target=lambda: results.append(call(admin, server)))
    thread.start()
    while thread.is_alive():
        assert admin.post(f"/api/v1/run/{echo}", json={"input_value": "hello"}).status_code == 200
    assert server in problem_of(results[0])
    assert problem in problem_of(results[0])


def test_a_server_that_has_stopped_is_an_error_at_once(admin: httpx2.Client) -> None:
    with serving(Starlette(routes=[Mount("/", app=hostile_app)])) as address:
        server = store(admin, {"url": f"{address}/ok"})
        assert "well-behaved" in text_of(call(admin, server, "well-behaved"))
    problem = problem_of(call(admin, server))
    assert "cannot be used" in problem
    assert "did not answer" not in problem


def test_a_server_at_a_private_address_is_refused(admin: httpx2.Client) -> None:
    problem = problem_of(call(admin, store(admin, {"url": "http://10.255.255.1/mcp"})))
    assert "10.255.255.1 is a private or local address" in problem


def test_a_command_has_the_configured_environment_and_a_folder_of_its_own(admin: httpx2.Client) -> None:
    secret = "quite-s3cret-value"
    config = command("banner", env={"TOKEN": secret})
    config["args"] += ["a b", "$(id)", "; exit"]
    server = store(admin, config)
    state = state_of(admin, server)
    assert set(state["environment"]) <= {"PATH", "TOKEN", "LC_CTYPE"}
    assert state["arguments"] == ["a b", "$(id)", "; exit"]
    assert Path(state["folder"]).name.startswith("headrace-mcp-")
    # The next run uses the same process.
    assert state_of(admin, server)["pids"][0] == state["pids"][0]
    # A deleted server ends with its descendants, and its folder goes.
    admin.delete(f"/api/v2/mcp/servers/{server}")
    until(lambda: not any(map(is_alive, state["pids"])) and not Path(state["folder"]).exists())


def state_of(client: httpx2.Client, server: str) -> dict[str, Any]:
    flow = tool_flow({"name": server}, "state")
    response = client.post(f"/api/v1/run/{create_flow(client, flow.data)}", json={"input_value": "x"})
    text = text_of(response)
    start = text.index("{")
    return dict(json.JSONDecoder().raw_decode(text[start:].replace("\\_", "_"))[0])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_idle_command_is_ended_and_started_again(tmp_path: Path) -> None:
    with serving(create_app(settings_for(tmp_path, mcp_session_idle_timeout=0.5))) as base:
        client = httpx2.Client(base_url=base, headers=log_in(base), timeout=60)
        server = store(client, command("ok"))
        first = state_of(client, server)
        until(lambda: not any(map(is_alive, first["pids"])))
        assert state_of(client, server)["pids"][0] != first["pids"][0]


@pytest.mark.parametrize("signal", [15, 9])
def test_commands_end_with_the_server(tmp_path: Path, signal: int) -> None:
    with running(tmp_path) as (base, pid):
        client = httpx2.Client(base_url=base, headers=log_in(base), timeout=60)
        state = state_of(client, store(client, command("ok")))
        assert all(map(is_alive, state["pids"]))
        os.kill(pid, signal)
        until(lambda: not any(map(is_alive, state["pids"])) and not Path(state["folder"]).exists())


def test_the_least_recently_used_connection_makes_room_for_another(tmp_path: Path) -> None:
    with serving(create_app(settings_for(tmp_path, max_user_mcp_connections=1))) as base:
        client = httpx2.Client(base_url=base, headers=log_in(base), timeout=60)
        servers = [store(client, command("ok")) for _ in range(2)]
        first = state_of(client, servers[0])
        state_of(client, servers[1])
        until(lambda: not any(map(is_alive, first["pids"])))


def test_only_users_who_may_run_code_start_commands(base: str, admin: httpx2.Client) -> None:
    name = f"bob-{uuid.uuid4().hex[:8]}"
    created = admin.post("/api/v1/users/", json={"username": name, "password": PASSWORD}).json()
    admin.patch(f"/api/v1/users/{created['id']}", json={"is_active": True})
    bob = httpx2.Client(base_url=base, headers=log_in(base, name), timeout=60)
    assert "Only users who may run code" in problem_of(call(bob, store(bob, command("ok"))))


def test_an_operator_can_disable_commands(tmp_path: Path) -> None:
    with serving(create_app(settings_for(tmp_path, mcp_commands=False))) as base:
        client = httpx2.Client(base_url=base, headers=log_in(base), timeout=60)
        assert "HEADRACE_MCP_COMMANDS=false" in problem_of(call(client, store(client, command("ok"))))


def test_a_flow_cannot_bring_a_command(admin: httpx2.Client) -> None:
    flow = tool_flow({"name": "mine", "config": command("ok")}, text="x")
    response = admin.post(f"/api/v1/run/{create_flow(admin, flow.data)}", json={"input_value": "x"})
    assert "which a flow may not start" in problem_of(response)


def test_a_missing_command_is_named(admin: httpx2.Client) -> None:
    problem = problem_of(call(admin, store(admin, {"command": "no-such-program"})))
    assert "'no-such-program'" in problem
    assert "was not found" in problem
