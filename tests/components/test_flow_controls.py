"""Run Flow, Sub Flow, Notify and Listen, Condition, and frozen vertices."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.app import create_app
from headrace.component.node_json import source_of
from tests.conftest import settings_for
from tests.support.clients import log_in, signed_in
from tests.support.flow_builder import FlowBuilder, echo_flow, model_flow, registry
from tests.support.model_server import KEY


def create_flow(client: httpx2.Client, data: dict[str, Any], name: str | None = None) -> str:
    answer = client.post("/api/v1/flows/", json={"name": name or f"flow {uuid.uuid4()}", "data": data})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def run_for_text(client: httpx2.Client, data: dict[str, Any], text: str = "hello", **body: Any) -> str:
    """Run a flow and return the text of its answer."""
    answer = client.post(f"/api/v1/run/{create_flow(client, data)}", json={"input_value": text, **body})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["outputs"][0]["outputs"][0]["results"]["message"]["text"])


def calling_flow(**values: Any) -> FlowBuilder:
    """Return a flow that passes its chat input to another flow and returns its answer."""
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("RunFlow", "RunFlow-r", **{"ChatInput-a~input_value": "", **values})
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "RunFlow-r", "ChatInput-a~input_value")
        .edge("RunFlow-r", "ChatOutput-b~message", "ChatOutput-b", "input_value")
    )


@pytest.mark.parametrize("field", ["flow_id_selected", "flow_name_selected"])
def test_a_flow_runs_another_flow_and_continues_with_its_answer(
    client: httpx2.Client, model_url: str, field: str
) -> None:
    name = f"inner {uuid.uuid4()}"
    flow_id = create_flow(client, model_flow(model_url, KEY), name)
    values = {field: flow_id if field == "flow_id_selected" else name}
    assert (
        run_for_text(client, calling_flow(**values).data, "ahoy", session_id=str(uuid.uuid4()))
        == "[You are a pirate.] ahoy"
    )


def test_the_outputs_of_older_versions_return_the_answer(client: httpx2.Client) -> None:
    flow = (
        FlowBuilder()
        .node(
            "RunFlow",
            "RunFlow-r",
            flow_id_selected=create_flow(client, echo_flow()),
            **{"ChatInput-a~input_value": "old"},
        )
        .node("ChatOutput", "ChatOutput-b")
        .edge("RunFlow-r", "flow_outputs_message", "ChatOutput-b", "input_value")
        .data
    )
    assert run_for_text(client, flow) == "old"


def test_a_flow_that_calls_itself_fails(client: httpx2.Client) -> None:
    name = f"recursive {uuid.uuid4()}"
    flow_id = create_flow(client, calling_flow(flow_name_selected=name).data, name)
    answer = client.post(f"/api/v1/run/{flow_id}", json={"input_value": "x"})
    assert answer.status_code == 500
    assert "more than 8 levels deep" in answer.text


def test_another_users_flow_cannot_be_called(database_url: str | None, tmp_path: Path) -> None:
    with signed_in(create_app(settings_for(tmp_path, database_url))) as client:
        name = f"user {uuid.uuid4()}"
        user = client.post("/api/v1/users/", json={"username": name, "password": "correct horse"}).json()
        client.patch(f"/api/v1/users/{user['id']}", json={"is_active": True})
        flow_id = create_flow(client, echo_flow())
        with httpx2.Client(base_url=client.base_url, headers=log_in(str(client.base_url), name)) as other:
            calling_id = create_flow(other, calling_flow(flow_id_selected=flow_id).data)
            answer = other.post(f"/api/v1/run/{calling_id}", json={"input_value": "x"})
    assert answer.status_code in {404, 500}
    assert "not found" in answer.text


def test_an_error_in_the_called_flow_reaches_the_caller(client: httpx2.Client, model_url: str) -> None:
    flow_id = create_flow(client, model_flow(model_url, "sk-wrong"))
    answer = client.post(
        f"/api/v1/run/{create_flow(client, calling_flow(flow_id_selected=flow_id).data)}", json={"input_value": "x"}
    )
    assert answer.status_code == 500
    assert "Incorrect API key" in answer.text


def test_sub_flow_returns_records(client: httpx2.Client) -> None:
    name = f"inner {uuid.uuid4()}"
    create_flow(client, echo_flow(), name)
    flow = (
        FlowBuilder()
        .node("SubFlow", "SubFlow-s", flow_name=name, **{"ChatInput-a~input_value": "deep"})
        .node("ParserComponent", "Parser-p", mode="Stringify")
        .node("ChatOutput", "ChatOutput-b")
        .edge("SubFlow-s", "flow_outputs", "Parser-p", "input_data")
        .edge("Parser-p", "parsed_text", "ChatOutput-b", "input_value")
        .data
    )
    assert "deep" in run_for_text(client, flow)


def listening_flow(*appends: bool) -> dict[str, Any]:
    """Return a flow with Notify components for a key and a Listen component, which no edge connects."""
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("Listen", "Listen-l", context_key="news")
    for index, append in enumerate(appends):
        flow.node("Notify", f"Notify-{index}", context_key="news", append=append)
        flow.edge("ChatInput-a", "message", f"Notify-{index}", "input_value")
    return (
        flow.node("Notify", "Notify-other", context_key="else")
        .edge("ChatInput-a", "message", "Notify-other", "input_value")
        .node("ParserComponent", "Parser-p", mode="Stringify")
        .node("ChatOutput", "ChatOutput-b")
        .edge("Listen-l", "data", "Parser-p", "input_data")
        .edge("Parser-p", "parsed_text", "ChatOutput-b", "input_value")
        .data
    )


def test_listen_receives_the_data_that_notify_sends_under_its_key(client: httpx2.Client) -> None:
    assert "hello" in run_for_text(client, listening_flow(False))
    assert run_for_text(client, listening_flow(False, True)).count("hello") == 2
    assert run_for_text(client, listening_flow(True, False)).count("hello") == 1


@pytest.mark.parametrize(
    ("operator", "match", "output"),
    [("equals", "hello", "true"), ("contains", "x", "false"), ("boolean validator", "", "false")],
)
def test_a_condition_passes_data_to_the_output_that_matches(
    client: httpx2.Client, operator: str, match: str, output: str
) -> None:
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("Notify", "Notify-n", context_key="k")
        .node("DataConditionalRouter", "Cond-c", key_name="text", operator=operator, compare_value=match)
        .node("ParserComponent", "Parser-t", mode="Parser", pattern="true {text}")
        .node("ParserComponent", "Parser-f", mode="Parser", pattern="false {text}")
        .node("ChatOutput", "ChatOutput-t")
        .node("ChatOutput", "ChatOutput-f")
        .edge("ChatInput-a", "message", "Notify-n", "input_value")
        .edge("Notify-n", "result", "Cond-c", "data_input")
        .edge("Cond-c", "true_output", "Parser-t", "input_data")
        .edge("Cond-c", "false_output", "Parser-f", "input_data")
        .edge("Parser-t", "parsed_text", "ChatOutput-t", "input_value")
        .edge("Parser-f", "parsed_text", "ChatOutput-f", "input_value")
        .data
    )
    assert run_for_text(client, flow) == f"{output} hello"


def test_a_condition_without_its_key_lists_the_available_keys(client: httpx2.Client) -> None:
    flow = (
        FlowBuilder()
        .node("Webhook", "Webhook-w", data='{"colour": "red"}')
        .node("DataConditionalRouter", "Cond-c", key_name="color", compare_value="red")
        .edge("Webhook-w", "output_data", "Cond-c", "data_input")
        .data
    )
    answer = client.post(f"/api/v1/run/{create_flow(client, flow)}", json={})
    assert answer.status_code == 500
    assert "no key 'color'. Its keys: colour" in answer.text


@pytest.fixture
def model_server(model_url: str) -> Iterator[httpx2.Client]:
    """Return a client of the model server, which counts its answers."""
    with httpx2.Client(base_url=model_url.removesuffix("/v1")) as client:
        yield client


def frozen_flow(model_url: str) -> dict[str, Any]:
    """Return a flow whose model is frozen."""
    data = model_flow(model_url, KEY)
    next(n for n in data["nodes"] if n["id"] == "OpenAIModel-m")["data"]["node"]["frozen"] = True
    return data


def test_a_frozen_model_runs_once_for_each_input_session_and_caller(
    client: httpx2.Client, model_url: str, model_server: httpx2.Client
) -> None:
    flow_id = create_flow(client, frozen_flow(model_url))

    def runs_model(text: str, session: str) -> bool:
        """Run the flow and return whether it called the model."""
        before = model_server.get("/count").json()
        answer = client.post(f"/api/v1/run/{flow_id}", json={"input_value": text, "session_id": session})
        assert answer.json()["outputs"][0]["outputs"][0]["results"]["message"]["text"].endswith(text)
        return bool(model_server.get("/count").json() - before)

    session, other_session = str(uuid.uuid4()), str(uuid.uuid4())
    assert [runs_model("a", session), runs_model("a", session)] == [True, False]
    assert runs_model("b", session)
    assert runs_model("a", other_session)
    body = {"inputs": {"input_value": "a", "session": session}}
    before = model_server.get("/count").json()
    for _ in range(2):
        job = client.post(f"/api/v1/build/{flow_id}/flow", json=body).json()["job_id"]
        events = client.get(f"/api/v1/build/{job}/events").text
    # The first build calls the model, since API runs and builds do not share results. The second one does not.
    assert model_server.get("/count").json() - before == 1
    assert '"used_frozen_result":true' in events


def update_field(client: httpx2.Client, type_name: str, field: str, value: str) -> dict[str, Any]:
    """Change a field of a node in the editor and return the node."""
    node = FlowBuilder().node(type_name, f"{type_name}-x").data["nodes"][0]["data"]["node"]
    component = registry().find(type_name)
    assert component is not None
    body = {"code": source_of(component), "template": node["template"], "field": field, "field_value": value}
    answer = client.post("/api/v1/custom_component/update", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_run_flow_has_the_ports_of_the_selected_flow(client: httpx2.Client) -> None:
    name = f"selected {uuid.uuid4()}"
    flow_id = create_flow(client, echo_flow(), name)
    node = update_field(client, "RunFlow", "flow_name_selected", name)
    assert name in node["template"]["flow_name_selected"]["options"]
    assert node["template"]["flow_id_selected"]["value"] == flow_id
    assert node["template"]["ChatInput-a~input_value"]["input_types"] == ["Message"]
    assert [(o["name"], o["types"]) for o in node["outputs"]] == [("ChatOutput-b~message", ["Message"])]
    assert update_field(client, "RunFlow", "flow_name_selected", "")["outputs"] == []


@pytest.mark.parametrize("type_name", ["SubFlow", "FlowTool"])
def test_legacy_components_list_the_users_flows(client: httpx2.Client, type_name: str) -> None:
    name = f"listed {uuid.uuid4()}"
    create_flow(client, echo_flow(), name)
    assert name in update_field(client, type_name, "flow_name", "")["template"]["flow_name"]["options"]
