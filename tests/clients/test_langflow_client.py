"""Langflow's own client for JavaScript, unmodified, against a server process."""

from __future__ import annotations

import pytest

from tests.clients.client import LANGFLOW_CAPABILITIES
from tests.clients.matrix import LANGFLOW_CLIENTS
from tests.clients.runs import ClientRun, ScriptRuns
from tests.clients.test_openai_clients import ANSWER, IMAGES, images_of, sent
from tests.support.sample_files import PNG

pytestmark = pytest.mark.xdist_group("clients")


@pytest.fixture(params=LANGFLOW_CLIENTS, ids=lambda client: client.id)
def client_run(request: pytest.FixtureRequest, script_runs: ScriptRuns) -> ClientRun:
    return script_runs.get(request.param)


def test_the_capabilities_of_a_client_are_those_of_the_matrix(client_run: ClientRun) -> None:
    client = client_run.client
    assert client_run.capabilities == set(client.capabilities)
    assert set(LANGFLOW_CAPABILITIES) - set(client.capabilities) == set(client.missing)


def test_a_client_runs_a_flow(client_run: ClientRun) -> None:
    assert client_run.value("run") == ANSWER
    [body] = client_run.bodies("run")
    assert not body.get("stream")


def test_a_client_reads_the_tokens_of_a_run_and_its_end(client_run: ClientRun) -> None:
    result = client_run.value("stream")
    assert len(result["pieces"]) > 1
    assert "".join(result["pieces"]) == result["end"] == ANSWER


def test_a_client_reads_the_answer_of_an_agent_that_calls_its_tools(client_run: ClientRun) -> None:
    result = client_run.value("agent_tools")
    assert "".join(result["pieces"]) == result["end"] == ANSWER
    assert len(client_run.bodies("agent_tools")) == 2


def test_a_client_continues_a_session(client_run: ClientRun) -> None:
    assert client_run.value("session") == {"session": "the session of the client", "answer": ANSWER}
    [body] = client_run.bodies("session")
    assert sent(body) == [("user", "run: earlier turn"), ("assistant", ANSWER), ("user", "run: session")]


def test_the_tweaks_of_a_client_reach_the_model(client_run: ClientRun) -> None:
    assert client_run.value("tweaks") == ANSWER
    [body] = client_run.bodies("tweaks")
    assert body["temperature"] == 0.25


@pytest.mark.parametrize("capability", ["flow_file", "user_file"])
def test_a_file_that_a_client_uploads_reaches_the_model(client_run: ClientRun, capability: str) -> None:
    expected = {"flow_file": ANSWER, "user_file": {"listed": True, "answer": ANSWER}}
    assert client_run.value(capability) == expected[capability]
    [body] = client_run.bodies(capability)
    assert f"The mill stands at the river ({capability.replace('_', ' ')})." in str(body["messages"])


@pytest.mark.parametrize("capability", IMAGES)
def test_an_image_of_a_client_reaches_the_model_byte_for_byte(client_run: ClientRun, capability: str) -> None:
    assert client_run.value(capability) == ANSWER
    [body] = client_run.bodies(capability)
    assert images_of(body) == [PNG]


@pytest.mark.parametrize(
    ("capability", "problem"),
    [
        ("wrong_key", "403 - Forbidden"),
        ("unknown_flow", "404 - Not Found"),
        ("failed_run", "500 - Internal Server Error"),
        ("failed_stream", "The model failed."),
    ],
)
def test_a_client_reports_an_error_in_its_own_way(client_run: ClientRun, capability: str, problem: str) -> None:
    error = client_run.value(capability)
    assert error["type"] == client_run.client.capabilities[capability].strip("`")
    assert error["text"].endswith(problem)
