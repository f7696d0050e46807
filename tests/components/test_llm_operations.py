"""Models that fill in forms and read tables."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx2
import pytest

from headrace.component.node_json import node_json, source_of
from tests.flow_builder import FlowBuilder, registry
from tests.model_server import KEY

FIELDS = [
    {"name": "city", "description": "A city.", "type": "str", "multiple": "False"},
    {"name": "people", "description": "How many live there.", "type": "int", "multiple": False},
    {"name": "rivers", "description": "What flows through it.", "type": "str", "multiple": "True"},
]
PARIS = {"city": "Paris", "people": 2, "rivers": ["Seine"]}


def with_model(model_url: str) -> FlowBuilder:
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("OpenAIModel", "OpenAIModel-m", openai_api_base=model_url, api_key=KEY, max_retries=0)
        .node("ParserComponent", "Parser-p", mode="Stringify")
        .node("ChatOutput", "ChatOutput-b")
        .edge("Parser-p", "parsed_text", "ChatOutput-b", "input_value")
    )


def reading(model_url: str, fields: list[dict[str, Any]], output: str = "structured_output") -> FlowBuilder:
    return (
        with_model(model_url)
        .node("StructuredOutput", "Structured-s", output_schema=fields)
        .edge("OpenAIModel-m", "model_output", "Structured-s", "llm")
        .edge("ChatInput-a", "message", "Structured-s", "input_value")
        .edge("Structured-s", output, "Parser-p", "input_data")
    )


def ran(client: httpx2.Client, flow: FlowBuilder, said: str) -> httpx2.Response:
    body = {"name": f"operation {uuid.uuid4()}", "data": flow.data}
    flow_id = client.post("/api/v1/flows/", json=body).json()["id"]
    return client.post(f"/api/v1/run/{flow_id}", json={"input_value": said})


def text_of(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["outputs"][0]["outputs"][0]["results"]["message"]["text"])


def test_a_text_becomes_a_record_of_the_schema(client: httpx2.Client, model_url: str) -> None:
    said = json.dumps({"objects": [PARIS]})
    assert json.loads(text_of(ran(client, reading(model_url, FIELDS), said))) == PARIS


def test_several_things_become_several_records(client: httpx2.Client, model_url: str) -> None:
    said = json.dumps({"objects": [PARIS, {**PARIS, "city": "Rouen"}]})
    found = json.loads(text_of(ran(client, reading(model_url, FIELDS), said)))
    assert [r["city"] for r in found["results"]] == ["Paris", "Rouen"]
    pytest.importorskip("pandas", reason="the extra `pandas` isn't installed")
    assert "Rouen" in text_of(ran(client, reading(model_url, FIELDS, "dataframe_output"), said))


def test_what_does_not_fit_is_told_to_the_model_which_mends_it(client: httpx2.Client, model_url: str) -> None:
    wrong = json.dumps({"objects": [{"city": "Paris", "people": "many", "rivers": []}]})
    right = json.dumps({"objects": [PARIS]})
    assert json.loads(text_of(ran(client, reading(model_url, FIELDS), f"{wrong}\n{right}"))) == PARIS
    answer = ran(client, reading(model_url, FIELDS), wrong)
    assert (answer.status_code, "objects.0.people" in answer.text) == (500, True)


@pytest.mark.parametrize(
    ("fields", "told"),
    [([], "schema"), ([{"name": ""}], "no name"), ([{"name": "x", "type": "colour"}], "has the type 'colour'")],
)
def test_a_schema_that_is_none_is_refused(
    client: httpx2.Client, model_url: str, fields: list[dict[str, Any]], told: str
) -> None:
    answer = ran(client, reading(model_url, fields), "x")
    assert (answer.status_code >= 400, told in answer.text) == (True, True)


def test_a_model_is_asked_about_each_row(client: httpx2.Client, model_url: str) -> None:
    pytest.importorskip("pandas", reason="the extra `pandas` isn't installed")

    def asking(**fields: Any) -> FlowBuilder:
        return (
            with_model(model_url)
            .node("SplitText", "SplitText-t", chunk_size=1, chunk_overlap=0, separator="\\n")
            .node("BatchRunComponent", "Batch-r", **fields)
            .edge("ChatInput-a", "message", "SplitText-t", "data_inputs")
            .edge("SplitText-t", "dataframe", "Batch-r", "df")
            .edge("OpenAIModel-m", "model_output", "Batch-r", "model")
            .edge("Batch-r", "batch_results", "Parser-p", "input_data")
        )

    text = text_of(ran(client, asking(system_message="Spell.", column_name="text"), "one\ntwo"))
    assert text.index("[Spell.] one") < text.index("[Spell.] two")
    answer = ran(client, asking(column_name="colour"), "one")
    assert "no column 'colour'. Its columns: text" in answer.text


def routing(model_url: str, **fields: Any) -> FlowBuilder:
    """Two routes, each with an answer of its own, and one for what fits none."""
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


@pytest.mark.parametrize(("said", "goes"), [("say Positive", "p"), ("say negative.", "n"), ("say nothing", "e")])
def test_a_text_goes_the_way_that_the_model_says(client: httpx2.Client, model_url: str, said: str, goes: str) -> None:
    answer = ran(client, routing(model_url), said)
    assert text_of(answer) == said
    (output,) = answer.json()["outputs"][0]["outputs"]
    assert output["component_id"] == f"ChatOutput-{goes}"


def test_a_route_hands_on_its_own_message_or_one_for_all(client: httpx2.Client, model_url: str) -> None:
    rows = [{"route_category": "Positive", "route_description": "", "output_value": "thanks"}, {"route_category": "N"}]
    assert text_of(ran(client, routing(model_url, routes=rows), "say Positive")) == "thanks"
    assert text_of(ran(client, routing(model_url, routes=rows, message="same"), "say Positive")) == "same"


def test_an_editor_gets_an_output_for_each_route(client: httpx2.Client) -> None:
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


def selecting(model_url: str, output: str = "output", **fields: Any) -> FlowBuilder:
    """Two models, and a judge that says what it is told to."""
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


def test_the_model_that_the_judge_chooses_answers(client: httpx2.Client, model_url: str) -> None:
    chosen = text_of(ran(client, selecting(model_url, "selected_model_info"), "say 1"))
    assert json.loads(chosen.strip("`json\n")) == {"selected_model": "model-2", "selected_index": 1}
    assert text_of(ran(client, selecting(model_url), "say 1")) == "1"


def test_a_judge_without_a_choice_leaves_it_to_the_first_or_ends_the_run(client: httpx2.Client, model_url: str) -> None:
    assert '"selected_index": 0' in text_of(ran(client, selecting(model_url, "selected_model_info"), "say 7"))
    assert "no model's number" in text_of(ran(client, selecting(model_url, "routing_decision"), "say who knows"))
    answer = ran(client, selecting(model_url, fallback_to_first=False), "say who knows")
    assert (answer.status_code, "no model's number" in answer.text) == (500, True)
