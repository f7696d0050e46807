"""Clients of the OpenAI API, unmodified, against a server process."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.clients.matrix import CLIENTS, OPENAI_CAPABILITIES, Client
from tests.clients.runs import ClientRun, ScriptRuns
from tests.support.recording_model import ARGUMENTS, RECORD
from tests.support.sample_files import PNG

# One worker runs all clients, on one server.
pytestmark = pytest.mark.xdist_group("clients")

ANSWER = "one two three"
WEATHER = "Rain."
IMAGES = [name for name in OPENAI_CAPABILITIES if name.startswith("image_")]


@pytest.fixture(params=CLIENTS, ids=lambda client: client.id)
def client_run(request: pytest.FixtureRequest, script_runs: ScriptRuns) -> ClientRun:
    return script_runs.get(request.param)


def skip_without(client: Client, capability: str) -> None:
    if capability in client.missing:
        pytest.skip(client.missing[capability])


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


def test_a_client_finds_the_flows_as_models(client_run: ClientRun) -> None:
    skip_without(client_run.client, "models")
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


def test_a_client_makes_the_calls_of_its_tools(client_run: ClientRun) -> None:
    assert client_run.value("tools") == {"calls": [["get_weather", json.loads(ARGUMENTS)]], "answer": ANSWER}
    first, second = client_run.bodies("tools")
    assert [tool["function"]["name"] for tool in first["tools"]] == ["get_weather"]
    assert ("tool", WEATHER) in sent(second)


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


@pytest.mark.parametrize(
    ("capability", "problem"), [("wrong_key", "API key"), ("unknown_model", "missing-flow")], ids=["key", "model"]
)
def test_a_client_raises_its_own_error(client_run: ClientRun, capability: str, problem: str) -> None:
    error = client_run.value(capability)
    assert error["type"] == client_run.client.capabilities[capability].strip("`")
    assert problem in error["text"]
