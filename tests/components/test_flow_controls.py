"""Flows within flows, listeners, conditions, frozen vertices."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.app import create_app
from headrace.component.node_json import source_of
from tests.clients import log_in, signed_in
from tests.conftest import settings_for
from tests.flow_builder import FlowBuilder, echo_flow, model_flow, registry
from tests.model_server import KEY


def saved(client: httpx2.Client, data: dict[str, Any], name: str | None = None) -> str:
    answer = client.post("/api/v1/flows/", json={"name": name or f"flow {uuid.uuid4()}", "data": data})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def answered(client: httpx2.Client, data: dict[str, Any], said: str = "hello", **body: Any) -> str:
    """Return what a flow answers."""
    answer = client.post(f"/api/v1/run/{saved(client, data)}", json={"input_value": said, **body})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["outputs"][0]["outputs"][0]["results"]["message"]["text"])


def calling(**chosen: Any) -> FlowBuilder:
    """A flow that hands what is said to another flow and answers with what that answers."""
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("RunFlow", "RunFlow-r", **{"ChatInput-a~input_value": "", **chosen})
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "RunFlow-r", "ChatInput-a~input_value")
        .edge("RunFlow-r", "ChatOutput-b~message", "ChatOutput-b", "input_value")
    )


@pytest.mark.parametrize("by", ["flow_id_selected", "flow_name_selected"])
def test_a_flow_runs_another_and_goes_on_with_its_answer(client: httpx2.Client, model_url: str, by: str) -> None:
    name = f"inner {uuid.uuid4()}"
    flow_id = saved(client, model_flow(model_url, KEY), name)
    chosen = {by: flow_id if by == "flow_id_selected" else name}
    assert answered(client, calling(**chosen).data, "ahoy", session_id=str(uuid.uuid4())) == "[You are a pirate.] ahoy"


def test_the_outputs_of_older_versions_still_answer(client: httpx2.Client) -> None:
    flow = (
        FlowBuilder()
        .node("RunFlow", "RunFlow-r", flow_id_selected=saved(client, echo_flow()), **{"ChatInput-a~input_value": "old"})
        .node("ChatOutput", "ChatOutput-b")
        .edge("RunFlow-r", "flow_outputs_message", "ChatOutput-b", "input_value")
        .data
    )
    assert answered(client, flow) == "old"


def test_a_flow_that_calls_itself_is_stopped(client: httpx2.Client) -> None:
    name = f"circle {uuid.uuid4()}"
    flow_id = saved(client, calling(flow_name_selected=name).data, name)
    answer = client.post(f"/api/v1/run/{flow_id}", json={"input_value": "round"})
    assert answer.status_code == 500
    assert "more than 8 deep" in answer.text


def test_another_users_flow_cannot_be_called(database_url: str | None, tmp_path: Path) -> None:
    with signed_in(create_app(settings_for(tmp_path, database_url))) as client:
        name = f"user {uuid.uuid4()}"
        user = client.post("/api/v1/users/", json={"username": name, "password": "correct horse"}).json()
        client.patch(f"/api/v1/users/{user['id']}", json={"is_active": True})
        flow_id = saved(client, echo_flow())
        with httpx2.Client(base_url=client.base_url, headers=log_in(str(client.base_url), name)) as other:
            mine = saved(other, calling(flow_id_selected=flow_id).data)
            answer = other.post(f"/api/v1/run/{mine}", json={"input_value": "x"})
    assert answer.status_code in {404, 500}
    assert "not found" in answer.text


def test_a_failure_within_names_the_component_that_failed(client: httpx2.Client, model_url: str) -> None:
    flow_id = saved(client, model_flow(model_url, "sk-wrong"))
    answer = client.post(
        f"/api/v1/run/{saved(client, calling(flow_id_selected=flow_id).data)}", json={"input_value": "x"}
    )
    assert answer.status_code == 500
    assert "Incorrect API key" in answer.text


def test_sub_flow_gives_records(client: httpx2.Client) -> None:
    name = f"inner {uuid.uuid4()}"
    saved(client, echo_flow(), name)
    flow = (
        FlowBuilder()
        .node("SubFlow", "SubFlow-s", flow_name=name, **{"ChatInput-a~input_value": "deep"})
        .node("ParserComponent", "Parser-p", mode="Stringify")
        .node("ChatOutput", "ChatOutput-b")
        .edge("SubFlow-s", "flow_outputs", "Parser-p", "input_data")
        .edge("Parser-p", "parsed_text", "ChatOutput-b", "input_value")
        .data
    )
    assert "deep" in answered(client, flow)


def listening(*appends: bool) -> dict[str, Any]:
    """Notifiers of one key, and one that listens, without an edge between them."""
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("Listen", "Listen-l", context_key="news")
    for n, append in enumerate(appends):
        flow.node("Notify", f"Notify-{n}", context_key="news", append=append)
        flow.edge("ChatInput-a", "message", f"Notify-{n}", "input_value")
    return (
        flow.node("Notify", "Notify-other", context_key="else")
        .edge("ChatInput-a", "message", "Notify-other", "input_value")
        .node("ParserComponent", "Parser-p", mode="Stringify")
        .node("ChatOutput", "ChatOutput-b")
        .edge("Listen-l", "data", "Parser-p", "input_data")
        .edge("Parser-p", "parsed_text", "ChatOutput-b", "input_value")
        .data
    )


def test_a_listener_hears_what_is_told_under_its_key(client: httpx2.Client) -> None:
    assert "hello" in answered(client, listening(False))
    assert answered(client, listening(False, True)).count("hello") == 2
    assert answered(client, listening(True, False)).count("hello") == 1


@pytest.mark.parametrize(
    ("operator", "match", "goes"),
    [("equals", "hello", "true"), ("contains", "x", "false"), ("boolean validator", "", "false")],
)
def test_a_condition_goes_the_way_that_the_record_says(
    client: httpx2.Client, operator: str, match: str, goes: str
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
    assert answered(client, flow) == f"{goes} hello"


def test_a_condition_names_the_keys_that_there_are(client: httpx2.Client) -> None:
    flow = (
        FlowBuilder()
        .node("Webhook", "Webhook-w", data='{"colour": "red"}')
        .node("DataConditionalRouter", "Cond-c", key_name="color", compare_value="red")
        .edge("Webhook-w", "output_data", "Cond-c", "data_input")
        .data
    )
    answer = client.post(f"/api/v1/run/{saved(client, flow)}", json={})
    assert answer.status_code == 500
    assert "no key 'color'. Its keys: colour" in answer.text


@pytest.fixture
def counting(model_url: str) -> Iterator[httpx2.Client]:
    """The model server, which counts its answers."""
    with httpx2.Client(base_url=model_url.removesuffix("/v1")) as client:
        yield client


def frozen_flow(model_url: str) -> dict[str, Any]:
    data = model_flow(model_url, KEY)
    next(n for n in data["nodes"] if n["id"] == "OpenAIModel-m")["data"]["node"]["frozen"] = True
    return data


def test_a_frozen_model_is_asked_once_for_the_same_and_never_answers_for_another(
    client: httpx2.Client, model_url: str, counting: httpx2.Client
) -> None:
    flow_id = saved(client, frozen_flow(model_url))

    def ask(said: str, session: str) -> bool:
        """Return whether the model was asked."""
        before = counting.get("/count").json()
        answer = client.post(f"/api/v1/run/{flow_id}", json={"input_value": said, "session_id": session})
        assert answer.json()["outputs"][0]["outputs"][0]["results"]["message"]["text"].endswith(said)
        return bool(counting.get("/count").json() - before)

    one, two = str(uuid.uuid4()), str(uuid.uuid4())
    assert [ask("a", one), ask("a", one)] == [True, False]
    assert ask("b", one)
    assert ask("a", two)
    body = {"inputs": {"input_value": "a", "session": one}}
    before = counting.get("/count").json()
    for _ in range(2):
        job = client.post(f"/api/v1/build/{flow_id}/flow", json=body).json()["job_id"]
        told = client.get(f"/api/v1/build/{job}/events").text
    # The editor does not see what the API was given, and sees its own the second time.
    assert counting.get("/count").json() - before == 1
    assert '"used_frozen_result":true' in told


def edited(client: httpx2.Client, type_name: str, field: str, value: str) -> dict[str, Any]:
    """Return a node after one of its fields was changed in an editor."""
    node = FlowBuilder().node(type_name, f"{type_name}-x").data["nodes"][0]["data"]["node"]
    component = registry().find(type_name)
    assert component is not None
    body = {"code": source_of(component), "template": node["template"], "field": field, "field_value": value}
    answer = client.post("/api/v1/custom_component/update", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_run_flow_takes_the_ports_of_the_flow_that_is_chosen(client: httpx2.Client) -> None:
    name = f"chosen {uuid.uuid4()}"
    flow_id = saved(client, echo_flow(), name)
    node = edited(client, "RunFlow", "flow_name_selected", name)
    assert name in node["template"]["flow_name_selected"]["options"]
    assert node["template"]["flow_id_selected"]["value"] == flow_id
    assert node["template"]["ChatInput-a~input_value"]["input_types"] == ["Message"]
    assert [(o["name"], o["types"]) for o in node["outputs"]] == [("ChatOutput-b~message", ["Message"])]
    assert edited(client, "RunFlow", "flow_name_selected", "")["outputs"] == []


@pytest.mark.parametrize("type_name", ["SubFlow", "FlowTool"])
def test_older_components_list_the_flows_to_choose_from(client: httpx2.Client, type_name: str) -> None:
    name = f"listed {uuid.uuid4()}"
    saved(client, echo_flow(), name)
    assert name in edited(client, type_name, "flow_name", "")["template"]["flow_name"]["options"]
