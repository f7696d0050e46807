"""Clients of the OpenAI API, unmodified, against a server process."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.clients.client import ERRORS, OPENAI_CAPABILITIES
from tests.clients.matrix import CLIENTS
from tests.clients.runs import ClientRun, ScriptRuns
from tests.support.recording_model import ARGUMENTS, RECORD
from tests.support.sample_files import PNG

# One worker runs all clients, on one server.
pytestmark = pytest.mark.xdist_group("clients")

ANSWER = "one two three"
WEATHER = "Rain."
#: Part of the text of each error.
PROBLEMS = {
    "wrong_key": "API key",
    "unknown_model": "missing-flow",
    "failed_run": "I cannot do this.",
    "failed_stream": "The model failed.",
}
IMAGES = [name for name in OPENAI_CAPABILITIES if name.startswith("image_")]


@pytest.fixture(params=CLIENTS, ids=lambda client: client.id)
def client_run(request: pytest.FixtureRequest, script_runs: ScriptRuns) -> ClientRun:
    return script_runs.get(request.param)


def clients_with(capability: str) -> pytest.MarkDecorator:
    """Run a test for each client that has the capability."""
    clients = [client for client in CLIENTS if capability in client.capabilities]
    return pytest.mark.parametrize("client_run", clients, ids=lambda client: client.id, indirect=True)


def sent(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the roles and texts of the messages of a model request."""
    return [(m["role"], text_of(m.get("content"))) for m in body["messages"] if m["role"] != "system"]


def text_of(content: Any) -> str:
    parts = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
    return "".join(part["text"] for part in parts if part["type"] == "text")


def images_of(body: dict[str, Any]) -> list[bytes]:
    """Return the images in the messages of a model request."""
    parts = [part for m in body["messages"] if isinstance(m["content"], list) for part in m["content"]]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [base64.b64decode(url.removeprefix("data:image/png;base64,")) for url in urls]


def test_the_capabilities_of_a_client_are_those_of_the_matrix(client_run: ClientRun) -> None:
    client = client_run.client
    assert client_run.capabilities == set(client.capabilities)
    assert set(OPENAI_CAPABILITIES) - set(client.capabilities) == set(client.missing)


@clients_with("models")
def test_a_client_finds_the_flows_as_models(client_run: ClientRun) -> None:
    assert "flow-openai" in client_run.value("models")


def test_a_client_gets_the_answer_of_the_flow(client_run: ClientRun) -> None:
    assert client_run.value("chat") == ANSWER
    [body] = client_run.bodies("chat")
    assert not body.get("stream")


def test_a_client_gets_the_answer_in_pieces(client_run: ClientRun) -> None:
    value = client_run.value("stream")
    # The command `llm` prints the pieces as one text.
    pieces = [value] if isinstance(value, str) else [piece for piece in value if piece]
    assert "".join(pieces) == ANSWER
    assert client_run.client.id == "llm" or len(pieces) > 1
    [body] = client_run.bodies("stream")
    assert body["stream"] is True


@pytest.mark.parametrize("capability", ["tools", "stream_tools"])
def test_a_client_makes_the_calls_of_its_tools(client_run: ClientRun, capability: str) -> None:
    assert client_run.value(capability) == {"calls": [["get_weather", json.loads(ARGUMENTS)]], "answer": ANSWER}
    first, second = client_run.bodies(capability)
    assert first.get("stream", False) is (capability == "stream_tools")
    assert [tool["function"]["name"] for tool in first["tools"]] == ["get_weather"]
    assert ("tool", WEATHER) in sent(second)


def test_the_server_makes_the_calls_of_an_agents_tools(client_run: ClientRun) -> None:
    assert "".join(client_run.value("agent_tools")) == ANSWER
    first, second = client_run.bodies("agent_tools")
    assert [tool["function"]["name"] for tool in first["tools"]] == ["get_current_date"]
    assert [role for role, _ in sent(second)] == ["user", "assistant", "tool"]


def test_a_client_gets_structured_output(client_run: ClientRun) -> None:
    assert client_run.value("structured") == json.loads(RECORD)
    [body] = client_run.bodies("structured")
    assert "answer" in body["response_format"]["json_schema"]["schema"]["properties"]


@pytest.mark.parametrize("capability", IMAGES)
def test_an_image_of_a_client_reaches_the_model_byte_for_byte(client_run: ClientRun, capability: str) -> None:
    assert client_run.value(capability) == ANSWER
    [body] = client_run.bodies(capability)
    assert images_of(body) == [PNG]


def test_a_client_continues_a_conversation(client_run: ClientRun) -> None:
    assert client_run.value("conversation") == ANSWER
    part = client_run.client.part
    [body] = client_run.bodies("conversation")
    assert sent(body) == [
        ("user", f"{part}: earlier turn"),
        ("assistant", ANSWER),
        ("user", f"{part}: conversation"),
    ]


@pytest.mark.parametrize("capability", ERRORS)
def test_a_client_reports_an_error_in_its_own_way(client_run: ClientRun, capability: str) -> None:
    error = client_run.value(capability)
    assert error["type"] == client_run.client.capabilities[capability].strip("`")
    assert PROBLEMS[capability] in error["text"]


@pytest.mark.parametrize("text", ["break down", "break off"])
def test_a_flow_that_fails_runs_once(client_run: ClientRun, text: str) -> None:
    # Each part of the script has sent the text once.
    bodies = [body for body in client_run.script.bodies if sent(body) == [("user", text)]]
    assert len(bodies) == len(client_run.script.report)
