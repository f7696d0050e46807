"""Structured Output, Batch Run, Smart Router and LLM Selector in flows."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx2
import pytest

from headrace.component.node_json import node_json, source_of
from tests.support.flow_builder import FlowBuilder, registry
from tests.support.model_server import KEY

FIELDS = [
    {"name": "city", "description": "A city.", "type": "str", "multiple": "False"},
    {"name": "people", "description": "Number of inhabitants.", "type": "int", "multiple": False},
    {"name": "rivers", "description": "Rivers in the city.", "type": "str", "multiple": "True"},
]
PARIS = {"city": "Paris", "people": 2, "rivers": ["Seine"]}


def flow_with_model(model_url: str) -> FlowBuilder:
    """Return Chat Input, a model, a parser and Chat Output, of which only the last two are connected."""
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("OpenAIModel", "OpenAIModel-m", openai_api_base=model_url, api_key=KEY, max_retries=0)
        .node("ParserComponent", "Parser-p", mode="Stringify")
        .node("ChatOutput", "ChatOutput-b")
        .edge("Parser-p", "parsed_text", "ChatOutput-b", "input_value")
    )


def extraction_flow(model_url: str, fields: object, output: str = "structured_output") -> FlowBuilder:
    return (
        flow_with_model(model_url)
        .node("StructuredOutput", "Structured-s", output_schema=fields)
        .edge("OpenAIModel-m", "model_output", "Structured-s", "llm")
        .edge("ChatInput-a", "message", "Structured-s", "input_value")
        .edge("Structured-s", output, "Parser-p", "input_data")
    )


def run_flow(client: httpx2.Client, flow: FlowBuilder, text: str) -> httpx2.Response:
    body = {"name": f"operation {uuid.uuid4()}", "data": flow.data}
    flow_id = client.post("/api/v1/flows/", json=body).json()["id"]
    return client.post(f"/api/v1/run/{flow_id}", json={"input_value": text})


def text_of(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["outputs"][0]["outputs"][0]["results"]["message"]["text"])


def json_of(answer: httpx2.Response) -> dict[str, Any]:
    """Return the value in the fenced block of an answer."""
    return dict(json.loads(text_of(answer).removeprefix("```json").removesuffix("```")))


def test_a_text_becomes_a_record_of_the_schema(client: httpx2.Client, model_url: str) -> None:
    reply = json.dumps({"objects": [PARIS]})
    assert json_of(run_flow(client, extraction_flow(model_url, FIELDS), reply)) == PARIS


def test_several_items_become_several_records(client: httpx2.Client, model_url: str) -> None:
    reply = json.dumps({"objects": [PARIS, {**PARIS, "city": "Rouen"}]})
    records = json_of(run_flow(client, extraction_flow(model_url, FIELDS), reply))
    assert [r["city"] for r in records["results"]] == ["Paris", "Rouen"]
    pytest.importorskip("pandas", reason="the extra `pandas` isn't installed")
    assert "Rouen" in text_of(run_flow(client, extraction_flow(model_url, FIELDS, "dataframe_output"), reply))


def test_the_model_corrects_an_answer_that_does_not_match_the_schema(client: httpx2.Client, model_url: str) -> None:
    wrong = json.dumps({"objects": [{"city": "Paris", "people": "many", "rivers": []}]})
    right = json.dumps({"objects": [PARIS]})
    assert json_of(run_flow(client, extraction_flow(model_url, FIELDS), f"{wrong}\n{right}")) == PARIS
    answer = run_flow(client, extraction_flow(model_url, FIELDS), wrong)
    assert (answer.status_code, "objects.0.people" in answer.text) == (500, True)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [([], "schema"), ([{"name": ""}], "no name"), ([{"name": "x", "type": "colour"}], "has the type 'colour'")],
)
def test_an_invalid_schema_fails(client: httpx2.Client, model_url: str, fields: object, problem: str) -> None:
    answer = run_flow(client, extraction_flow(model_url, fields), "x")
    assert (answer.status_code >= 400, problem in answer.text) == (True, True)


def test_batch_run_sends_each_row_to_the_model(client: httpx2.Client, model_url: str) -> None:
    pytest.importorskip("pandas", reason="the extra `pandas` isn't installed")

    def batch_flow(**fields: Any) -> FlowBuilder:
        return (
            flow_with_model(model_url)
            .node("SplitText", "SplitText-t", chunk_size=1, chunk_overlap=0, separator="\\n")
            .node("BatchRunComponent", "Batch-r", **fields)
            .edge("ChatInput-a", "message", "SplitText-t", "data_inputs")
            .edge("SplitText-t", "dataframe", "Batch-r", "df")
            .edge("OpenAIModel-m", "model_output", "Batch-r", "model")
            .edge("Batch-r", "batch_results", "Parser-p", "input_data")
        )

    text = text_of(run_flow(client, batch_flow(system_message="Spell.", column_name="text"), "one\ntwo"))
    assert text.index("[Spell.] one") < text.index("[Spell.] two")
    answer = run_flow(client, batch_flow(column_name="colour"), "one")
    assert "no column 'colour'. Its columns: text" in answer.text


def routing_flow(model_url: str, **fields: Any) -> FlowBuilder:
    """Return a flow with two routes and an else route, each with its own Chat Output."""
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("OpenAIModel", "OpenAIModel-m", openai_api_base=model_url, api_key=KEY, max_retries=0)
        .node("SmartRouter", "Router-r", enable_else_output=True, **fields)
        .edge("OpenAIModel-m", "model_output", "Router-r", "llm")
        .edge("ChatInput-a", "message", "Router-r", "input_text")
    )
    for name, output in (("p", "category_1_result"), ("n", "category_2_result"), ("e", "default_result")):
        flow.node("ChatOutput", f"ChatOutput-{name}", sender_name=name)
        flow.edge("Router-r", output, f"ChatOutput-{name}", "input_value")
    return flow


@pytest.mark.parametrize(("text", "route"), [("say Positive", "p"), ("say negative.", "n"), ("say nothing", "e")])
def test_the_model_selects_the_route_of_a_text(client: httpx2.Client, model_url: str, text: str, route: str) -> None:
    answer = run_flow(client, routing_flow(model_url), text)
    assert text_of(answer) == text
    (output,) = answer.json()["outputs"][0]["outputs"]
    assert output["component_id"] == f"ChatOutput-{route}"


def test_a_route_returns_its_own_message_unless_one_overrides_all(client: httpx2.Client, model_url: str) -> None:
    rows = [{"route_category": "Positive", "route_description": "", "output_value": "thanks"}, {"route_category": "N"}]
    assert text_of(run_flow(client, routing_flow(model_url, routes=rows), "say Positive")) == "thanks"
    assert text_of(run_flow(client, routing_flow(model_url, routes=rows, message="same"), "say Positive")) == "same"


def test_the_editor_shows_an_output_for_each_route(client: httpx2.Client) -> None:
    component = registry().find("SmartRouter")
    assert component is not None
    template = node_json(component)["template"]
    template["enable_else_output"]["value"] = True
    body = {"code": source_of(component), "template": template, "field": "routes"}
    rows = [{"route_category": "Red"}, {"route_category": "Blue"}]
    node = client.post("/api/v1/custom_component/update", json={**body, "field_value": rows}).json()
    assert [(o["name"], o["display_name"]) for o in node["outputs"]] == [
        ("category_1_result", "Red"),
        ("category_2_result", "Blue"),
        ("default_result", "Else"),
    ]


def selection_flow(model_url: str, output: str = "output", **fields: Any) -> FlowBuilder:
    """Return a flow with two models and a judge, whose answer the chat input determines."""
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    model = {"openai_api_base": model_url, "api_key": KEY, "max_retries": 0}
    flow.node("OpenAIModel", "OpenAIModel-m", **model).node("LLMSelectorComponent", "Selector-s", **fields)
    for n in (1, 2):
        flow.node("OpenAIModel", f"OpenAIModel-{n}", model_name=f"model-{n}", **model)
        flow.edge(f"OpenAIModel-{n}", "model_output", "Selector-s", "models")
    flow.edge("OpenAIModel-m", "model_output", "Selector-s", "judge_llm")
    flow.edge("ChatInput-a", "message", "Selector-s", "input_value")
    flow.edge("Selector-s", output, "ChatOutput-b", "input_value")
    return flow


def test_the_model_that_the_judge_selects_answers(client: httpx2.Client, model_url: str) -> None:
    selected = text_of(run_flow(client, selection_flow(model_url, "selected_model_info"), "say 1"))
    assert json.loads(selected.strip("`json\n")) == {"selected_model": "model-2", "selected_index": 1}
    assert text_of(run_flow(client, selection_flow(model_url), "say 1")) == "1"


def test_without_a_valid_selection_the_first_model_answers_or_the_run_fails(
    client: httpx2.Client, model_url: str
) -> None:
    assert '"selected_index": 0' in text_of(run_flow(client, selection_flow(model_url, "selected_model_info"), "say 7"))
    assert "not a model's number" in text_of(
        run_flow(client, selection_flow(model_url, "routing_decision"), "say who knows")
    )
    answer = run_flow(client, selection_flow(model_url, fallback_to_first=False), "say who knows")
    assert (answer.status_code, "not a model's number" in answer.text) == (500, True)
