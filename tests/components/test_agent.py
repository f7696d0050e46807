"""Agents: a model that calls tools over several rounds, and what a watcher sees of it."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from headrace.component.node_json import node_json, source_of
from tests.flow_builder import FlowBuilder, echo_flow, registry
from tests.model_server import KEY


def agent(model_url: str, **values: Any) -> FlowBuilder:
    """Chat Input, an agent with a calculator, and Chat Output."""
    model = {"openai_api_base": model_url, "api_key": KEY, "max_retries": 0}
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("CalculatorComponent", "Calculator-c")
        .node("Agent", "Agent-g", **{**model, **values})
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "Agent-g", "input_value")
        .edge("Calculator-c", "component_as_tool", "Agent-g", "tools")
        .edge("Agent-g", "response", "ChatOutput-b", "input_value")
    )


def saved(client: httpx2.Client, data: dict[str, Any], name: str | None = None) -> str:
    answer = client.post("/api/v1/flows/", json={"name": name or f"agent {uuid.uuid4()}", "data": data})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def asked(client: httpx2.Client, flow: FlowBuilder, said: str, session: str | None = None) -> dict[str, Any]:
    """Return the message that an agent answers with."""
    body = {"input_value": said, "session_id": session or str(uuid.uuid4())}
    answer = client.post(f"/api/v1/run/{saved(client, flow.data)}", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["outputs"][0]["outputs"][0]["results"]["message"])


def steps(message: dict[str, Any]) -> list[tuple[Any, ...]]:
    (block,) = message["content_blocks"]
    assert block["title"] == "Agent Steps"
    return [(s["name"], s["tool_input"], s["output"], s["error"]) for s in block["contents"]]


SIX = 'call evaluate_expression {"expression": "2*3"}'


def test_an_agent_answers_with_what_its_tools_gave_over_several_rounds(client: httpx2.Client, model_url: str) -> None:
    inner = f"inner {uuid.uuid4()}"
    saved(client, echo_flow(), inner)
    flow = agent(model_url)
    flow.node("FlowTool", "FlowTool-f", flow_name=inner, tool_name="ask").edge(
        "FlowTool-f", "api_build_tool", "Agent-g", "tools"
    )
    said = f'{SIX} & ask {{"input_value": "hello"}}\ncall get_current_date {{}}\ncall evaluate_expression {{"expression": "6**2"}}'
    message = asked(client, flow, said)
    six, hello, date, square = message["text"].split(" | ")
    assert (six, hello, square) == ('{"result":"6"}', "hello", '{"result":"36"}')
    assert date.startswith("Current date and time in UTC: 20")
    assert [s[0] for s in steps(message)] == ["evaluate_expression", "ask", "get_current_date", "evaluate_expression"]


def test_a_tool_that_fails_is_something_that_the_model_reads(client: httpx2.Client, model_url: str) -> None:
    said = 'call evaluate_expression {"expression": "1/0"} & nobody {} & evaluate_expression {"wrong": 1}'
    message = asked(client, agent(model_url), said)
    divided, unknown, wrong = message["text"].split(" | ")
    assert divided == "Error: '1/0' divides by zero."
    assert unknown.startswith("Error: There is no tool 'nobody'. The tools: evaluate_expression, get_current_date.")
    assert wrong.startswith("Error: ")
    assert all(s[3] for s in steps(message))


def test_arguments_that_cannot_be_read_are_told_to_the_model_or_end_the_run(
    client: httpx2.Client, model_url: str
) -> None:
    said = "call evaluate_expression {broken"
    assert "no JSON object" in asked(client, agent(model_url), said)["text"]
    strict = saved(client, agent(model_url, handle_parsing_errors=False).data)
    answer = client.post(f"/api/v1/run/{strict}", json={"input_value": said})
    assert (answer.status_code, "no JSON object" in answer.text) == (500, True)


def test_an_agent_whose_turns_are_used_up_answers_with_what_it_has(client: httpx2.Client, model_url: str) -> None:
    message = asked(client, agent(model_url, max_iterations=2), "\n".join([SIX] * 5))
    assert message["text"] == '{"result":"6"} | {"result":"6"}'


def test_an_agent_remembers_its_session(client: httpx2.Client, model_url: str) -> None:
    session = str(uuid.uuid4())
    flow = agent(model_url, system_prompt="Be kind.")
    assert asked(client, flow, "hello", session)["text"] == "[Be kind.] hello"
    messages = client.get("/api/v1/monitor/messages", params={"session_id": session}).json()
    assert [m["text"] for m in messages] == ["hello", "[Be kind.] hello"]


def test_tools_have_the_names_and_descriptions_that_their_node_gives_them(
    client: httpx2.Client, model_url: str
) -> None:
    flow = agent(model_url)
    tool = next(n for n in flow.data["nodes"] if n["id"] == "Calculator-c")["data"]["node"]
    described = {"expression": {"title": "Sum", "description": "What to reckon."}}
    rows = [
        {
            "name": "reckon",
            "description": "Reckons.",
            "tags": ["evaluate_expression"],
            "status": True,
            "args": described,
        }
    ]
    tool["template"]["tools_metadata"] = {"type": "tools", "name": "tools_metadata", "show": True, "value": rows}
    assert asked(client, flow, 'call reckon {"expression": "1+1"}')["text"] == '{"result":"2"}'
    seen = json.loads(asked(client, flow, "show tools")["text"])[0]
    assert (seen["name"], seen["description"]) == ("reckon", "Reckons.")
    assert seen["parameters"]["properties"]["expression"]["description"] == "What to reckon."
    tool["template"]["tools_metadata"]["value"] = [{**rows[0], "status": False}]
    assert "no tool 'reckon'" in asked(client, flow, 'call reckon {"expression": "1+1"}')["text"]


def test_two_tools_of_one_name_are_refused(client: httpx2.Client, model_url: str) -> None:
    flow = agent(model_url).node("CalculatorComponent", "Calculator-d")
    flow.edge("Calculator-d", "component_as_tool", "Agent-g", "tools")
    answer = client.post(f"/api/v1/run/{saved(client, flow.data)}", json={"input_value": "x"})
    assert "Two tools are named evaluate_expression" in answer.text


def test_a_watcher_sees_each_step_and_the_words_as_they_come(client: httpx2.Client, model_url: str) -> None:
    flow = saved(client, agent(model_url).data)
    job = client.post(f"/api/v1/build/{flow}/flow", json={"inputs": {"input_value": SIX}}).json()["job_id"]
    text = client.get(f"/api/v1/build/{job}/events").text
    events = [json.loads(line) for line in text.split("\n\n") if line]
    shown = [e["data"] for e in events if e["event"] == "add_message" and e["data"]["sender"] == "Machine"]
    contents = [m["content_blocks"][0]["contents"] for m in shown]
    assert contents[0] == []
    assert (contents[1][0]["output"], contents[1][0]["header"]["title"]) == (None, "Accessing **evaluate_expression**")
    assert (contents[2][0]["output"], contents[2][0]["header"]["title"]) == (
        '{"result":"6"}',
        "Executed **evaluate_expression**",
    )
    said = "".join(e["data"]["chunk"] for e in events if e["event"] == "token")
    assert said.strip() == shown[-1]["text"].strip() == '{"result":"6"}'
    kept = client.get("/api/v1/monitor/messages", params={"flow_id": flow}).json()[-1]
    assert kept["content_blocks"][0]["contents"][0]["output"] == '{"result":"6"}'


@pytest.fixture
def key(client: httpx2.Client) -> str:
    return str(client.post("/api/v1/api_key/", json={"name": "agent"}).json()["api_key"])


def test_openais_sdk_sees_the_tools_that_an_agent_used(
    client: httpx2.Client, model_url: str, server: str, key: str
) -> None:
    flow = saved(client, agent(model_url).data)
    with OpenAI(base_url=f"{server}/api/v1", api_key=key) as sdk:
        whole = sdk.responses.create(model=flow, input=SIX)
        events = list(sdk.responses.create(model=flow, input=SIX, stream=True))
    for response in (whole, events[-1].response):  # type: ignore[union-attr]
        call, message = response.output
        assert (call.type, call.name, json.loads(call.arguments)) == (  # type: ignore[union-attr]
            "function_call",
            "evaluate_expression",
            {"expression": "2*3"},
        )
        assert (message.type, response.output_text.strip()) == ("message", '{"result":"6"}')
    kinds = [e.type for e in events]
    assert kinds.index("response.function_call_arguments.done") < kinds.index("response.output_text.delta")
    assert [e.sequence_number for e in events] == list(range(len(events)))


def test_other_clients_of_responses_see_them_as_langflow_shows_them(client: httpx2.Client, model_url: str) -> None:
    body = {"model": saved(client, agent(model_url).data), "input": SIX}
    plain = client.post("/api/v1/responses", json=body).json()["output"]
    assert [item["type"] for item in plain] == ["tool_call", "message"]
    assert "results" not in plain[0]
    told = client.post("/api/v1/responses", json={**body, "include": ["tool_call.results"]}).json()["output"][0]
    assert (told["tool_name"], told["inputs"], told["results"]) == (
        "evaluate_expression",
        {"expression": "2*3"},
        {"result": '{"result":"6"}'},
    )
    stream = client.post("/api/v1/responses", json={**body, "stream": True}).text
    assert '"type":"response.output_item.done"' in stream
    assert stream.rstrip().endswith("data: [DONE]")


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("4*4*(33/22)+12-20", "16"),
        ("-3 + +5", "2"),
        ("7//2 + 7%4", "6"),
        ("1/3", "0.333333"),
        ("2**0.5", "1.414214"),
    ],
)
def test_the_calculator_reckons(client: httpx2.Client, expression: str, result: str) -> None:
    assert reckoned(client, expression)["text"] == f'{{"result":"{result}"}}'


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os')",
        "9**9**9",
        "(-1)**0.5",
        "1/0",
        "2+",
        "'a'*3",
        "1" * 2000,
        "(" * 900,
        "True + 1",
        "1e308*10**400",
    ],
)
def test_the_calculator_refuses_what_is_no_sum_or_too_large(client: httpx2.Client, expression: str) -> None:
    flow = saved(client, sum_flow(expression))
    answer = client.post(f"/api/v1/run/{flow}", json={})
    assert (answer.status_code, "Calculator" in answer.text) == (500, True)


def sum_flow(expression: str) -> dict[str, Any]:
    return (
        FlowBuilder()
        .node("CalculatorComponent", "Calculator-c", expression=expression)
        .node("ParserComponent", "Parser-p", mode="Stringify")
        .node("ChatOutput", "ChatOutput-b")
        .edge("Calculator-c", "result", "Parser-p", "input_data")
        .edge("Parser-p", "parsed_text", "ChatOutput-b", "input_value")
        .data
    )


def reckoned(client: httpx2.Client, expression: str) -> dict[str, Any]:
    answer = client.post(f"/api/v1/run/{saved(client, sum_flow(expression))}", json={})
    message = answer.json()["outputs"][0]["outputs"][0]["results"]["message"]
    return {"text": json.dumps(json.loads(message["text"]), separators=(",", ":"))}


def test_a_flow_is_a_tool_where_run_flow_is_in_tool_mode(client: httpx2.Client, model_url: str) -> None:
    name = f"helper {uuid.uuid4()}"
    flow = agent(model_url).node("RunFlow", "RunFlow-r", flow_id_selected=saved(client, echo_flow(), name))
    rows = [{"name": "helper", "description": "Helps.", "tags": ["helper"]}]
    node = next(n for n in flow.data["nodes"] if n["id"] == "RunFlow-r")["data"]["node"]
    node["template"]["tools_metadata"] = {"type": "tools", "name": "tools_metadata", "show": True, "value": rows}
    flow.edge("RunFlow-r", "component_as_tool", "Agent-g", "tools")
    assert asked(client, flow, 'call helper {"input_value": "to the flow"}')["text"] == "to the flow"


def test_an_editor_switches_a_node_to_tool_mode_and_back(client: httpx2.Client, model_url: str) -> None:
    component = registry().find("CalculatorComponent")
    assert component is not None
    body = {"code": source_of(component), "template": node_json(component)["template"], "field": "tool_mode"}
    on = client.post("/api/v1/custom_component/update", json={**body, "field_value": True, "tool_mode": True}).json()
    assert [(o["name"], o["types"]) for o in on["outputs"]] == [("component_as_tool", ["Tool"])]
    (row,) = on["template"]["tools_metadata"]["value"]
    assert (row["name"], list(row["args"])) == ("evaluate_expression", ["expression"])
    off = client.post("/api/v1/custom_component/update", json={**body, "field_value": False}).json()
    assert [o["name"] for o in off["outputs"]] == ["result"]
    flow = agent(model_url)
    next(n for n in flow.data["nodes"] if n["id"] == "Calculator-c")["data"]["node"] = on
    assert asked(client, flow, SIX)["text"] == '{"result":"6"}'


PERSON = [
    {"name": "name", "description": "Who.", "type": "str"},
    {"name": "age", "description": "Years.", "type": "int"},
]


def test_an_agent_answers_in_the_form_of_a_schema(client: httpx2.Client, model_url: str) -> None:
    flow = agent(model_url, output_schema=PERSON)
    flow.data["edges"] = [e for e in flow.data["edges"] if e["target"] != "ChatOutput-b"]
    flow.edge("Agent-g", "structured_response", "ChatOutput-b", "input_value")
    filled = json.dumps({"objects": [{"name": "Ada", "age": 36}]})
    message = asked(client, flow, f"say {filled}")
    assert json.loads(message["text"].strip("`json\n")) == {"name": "Ada", "age": 36}


def test_an_editor_shows_the_output_for_a_schema_once_there_is_one(client: httpx2.Client) -> None:
    component = registry().find("Agent")
    assert component is not None
    node = node_json(component)

    def outputs(rows: list[dict[str, str]]) -> list[str]:
        body = {
            "code": source_of(component),
            "template": node["template"],
            "field": "output_schema",
            "field_value": rows,
        }
        answer = client.post("/api/v1/custom_component/update", json=body)
        return [o["name"] for o in answer.json()["outputs"]]

    assert outputs(PERSON) == ["response", "structured_response"]
    assert outputs([]) == ["response"]


@pytest.mark.parametrize("type_name", ["ToolCallingAgent", "OpenAIToolsAgent"])
def test_the_tool_calling_agent_takes_a_connected_model_and_what_was_said_before(
    client: httpx2.Client, model_url: str, type_name: str
) -> None:
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("CalculatorComponent", "Calculator-c")
        .node("OpenAIModel", "OpenAIModel-m", openai_api_base=model_url, api_key=KEY, max_retries=0)
        .node(type_name, "Agent-g", system_prompt="Be brief.", user_prompt="{input}")
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "Agent-g", "input_value")
        .edge("Calculator-c", "component_as_tool", "Agent-g", "tools")
        .edge("OpenAIModel-m", "model_output", "Agent-g", "llm")
        .edge("Agent-g", "response", "ChatOutput-b", "input_value")
    )
    message = asked(client, flow, SIX)
    assert [s[:2] for s in steps(message)] == [("evaluate_expression", {"expression": "2*3"})]
    assert "6" in message["text"]
    assert asked(client, flow, "hello")["text"] == "[Be brief.] hello"
