"""Agents: tools, steps, history, structured responses and events."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from headrace.component.node_json import node_json, source_of
from tests.support.flow_builder import FlowBuilder, echo_flow, registry
from tests.support.model_server import KEY


def agent_flow(model_url: str, **values: Any) -> FlowBuilder:
    """Return a flow of Chat Input, an agent with a calculator, and Chat Output."""
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


def create_flow(client: httpx2.Client, data: dict[str, Any], name: str | None = None) -> str:
    answer = client.post("/api/v1/flows/", json={"name": name or f"agent {uuid.uuid4()}", "data": data})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def ask(client: httpx2.Client, flow: FlowBuilder, text: str, session: str | None = None) -> dict[str, Any]:
    """Run a flow and return the message of its answer."""
    body = {"input_value": text, "session_id": session or str(uuid.uuid4())}
    answer = client.post(f"/api/v1/run/{create_flow(client, flow.data)}", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["outputs"][0]["outputs"][0]["results"]["message"])


def steps(message: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return tool name, arguments, output and error of each step of an agent."""
    (block,) = message["content_blocks"]
    assert block["title"] == "Agent Steps"
    return [(s["name"], s["tool_input"], s["output"], s["error"]) for s in block["contents"]]


SIX = 'call evaluate_expression {"expression": "2*3"}'


def test_an_agent_calls_tools_in_several_rounds_and_answers_with_their_results(
    client: httpx2.Client, model_url: str
) -> None:
    inner = f"inner {uuid.uuid4()}"
    create_flow(client, echo_flow(), inner)
    flow = agent_flow(model_url)
    flow.node("FlowTool", "FlowTool-f", flow_name=inner, tool_name="ask").edge(
        "FlowTool-f", "api_build_tool", "Agent-g", "tools"
    )
    text = f'{SIX} & ask {{"input_value": "hello"}}\ncall get_current_date {{}}\ncall evaluate_expression {{"expression": "6**2"}}'
    message = ask(client, flow, text)
    six, hello, date, square = message["text"].split(" | ")
    assert (six, hello, square) == ('{"result": "6"}', "hello", '{"result": "36"}')
    assert date.startswith("Current date and time in UTC: 20")
    assert [s[0] for s in steps(message)] == ["evaluate_expression", "ask", "get_current_date", "evaluate_expression"]


def test_the_model_gets_the_error_of_a_failed_tool(client: httpx2.Client, model_url: str) -> None:
    text = 'call evaluate_expression {"expression": "1/0"} & nobody {} & evaluate_expression {"wrong": 1}'
    message = ask(client, agent_flow(model_url), text)
    divided, unknown, wrong = message["text"].split(" | ")
    assert divided == "Error: '1/0' divides by zero."
    assert unknown.startswith(
        "Error: Tool 'nobody' does not exist. Available tools: evaluate_expression, get_current_date."
    )
    assert wrong.startswith("Error: ")
    assert all(s[3] for s in steps(message))


def test_invalid_arguments_are_reported_to_the_model_or_fail_the_run(client: httpx2.Client, model_url: str) -> None:
    text = "call evaluate_expression {broken"
    assert "is not valid" in ask(client, agent_flow(model_url), text)["text"]
    strict = create_flow(client, agent_flow(model_url, handle_parsing_errors=False).data)
    answer = client.post(f"/api/v1/run/{strict}", json={"input_value": text})
    assert (answer.status_code, "is not valid" in answer.text) == (500, True)


def test_an_agent_answers_with_its_results_after_the_maximum_number_of_iterations(
    client: httpx2.Client, model_url: str
) -> None:
    message = ask(client, agent_flow(model_url, max_iterations=2), "\n".join([SIX] * 5))
    assert message["text"] == '{"result": "6"} | {"result": "6"}'


def test_an_agent_remembers_its_session(client: httpx2.Client, model_url: str) -> None:
    session = str(uuid.uuid4())
    flow = agent_flow(model_url, system_prompt="Be kind.")
    assert ask(client, flow, "hello", session)["text"] == "[Be kind.] hello"
    messages = client.get("/api/v1/monitor/messages", params={"session_id": session}).json()
    assert [m["text"] for m in messages] == ["hello", "[Be kind.] hello"]


def test_tools_have_the_names_and_descriptions_from_their_node(client: httpx2.Client, model_url: str) -> None:
    flow = agent_flow(model_url)
    tool = next(n for n in flow.data["nodes"] if n["id"] == "Calculator-c")["data"]["node"]
    described = {"expression": {"title": "Sum", "description": "Sum to compute."}}
    rows = [
        {
            "name": "compute",
            "description": "Computes.",
            "tags": ["evaluate_expression"],
            "status": True,
            "args": described,
        }
    ]
    tool["template"]["tools_metadata"] = {"type": "tools", "name": "tools_metadata", "show": True, "value": rows}
    assert ask(client, flow, 'call compute {"expression": "1+1"}')["text"] == '{"result": "2"}'
    definition = json.loads(ask(client, flow, "show tools")["text"])[0]
    assert (definition["name"], definition["description"]) == ("compute", "Computes.")
    assert definition["parameters"]["properties"]["expression"]["description"] == "Sum to compute."
    tool["template"]["tools_metadata"]["value"] = [{**rows[0], "status": False}]
    assert "Tool 'compute' does not exist" in ask(client, flow, 'call compute {"expression": "1+1"}')["text"]


def test_two_tools_with_the_same_name_fail(client: httpx2.Client, model_url: str) -> None:
    flow = agent_flow(model_url).node("CalculatorComponent", "Calculator-d")
    flow.edge("Calculator-d", "component_as_tool", "Agent-g", "tools")
    answer = client.post(f"/api/v1/run/{create_flow(client, flow.data)}", json={"input_value": "x"})
    assert "Two tools are named evaluate_expression" in answer.text


def test_a_build_streams_each_step_and_the_tokens_of_the_answer(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, agent_flow(model_url).data)
    job = client.post(f"/api/v1/build/{flow}/flow", json={"inputs": {"input_value": SIX}}).json()["job_id"]
    text = client.get(f"/api/v1/build/{job}/events").text
    events = [json.loads(line) for line in text.split("\n\n") if line]
    messages = [e["data"] for e in events if e["event"] == "add_message" and e["data"]["sender"] == "Machine"]
    contents = [m["content_blocks"][0]["contents"] for m in messages]
    assert contents[0] == []
    assert (contents[1][0]["output"], contents[1][0]["header"]["title"]) == (None, "Accessing **evaluate_expression**")
    assert (contents[2][0]["output"], contents[2][0]["header"]["title"]) == (
        '{"result": "6"}',
        "Executed **evaluate_expression**",
    )
    streamed = "".join(e["data"]["chunk"] for e in events if e["event"] == "token")
    assert streamed.strip() == messages[-1]["text"].strip() == '{"result": "6"}'
    stored = client.get("/api/v1/monitor/messages", params={"flow_id": flow}).json()[-1]
    assert stored["content_blocks"][0]["contents"][0]["output"] == '{"result": "6"}'


@pytest.fixture
def key(client: httpx2.Client) -> str:
    return str(client.post("/api/v1/api_key/", json={"name": "agent"}).json()["api_key"])


def test_the_openai_sdk_gets_the_tool_calls_of_an_agent(
    client: httpx2.Client, model_url: str, server: str, key: str
) -> None:
    flow = create_flow(client, agent_flow(model_url).data)
    with OpenAI(base_url=f"{server}/api/v1", api_key=key) as sdk:
        complete = sdk.responses.create(model=flow, input=SIX)
        events = list(sdk.responses.create(model=flow, input=SIX, stream=True))
    for response in (complete, events[-1].response):  # type: ignore[union-attr]
        call, message = response.output
        assert (call.type, call.name, json.loads(call.arguments)) == (  # type: ignore[union-attr, arg-type]
            "mcp_call",
            "evaluate_expression",
            {"expression": "2*3"},
        )
        assert (message.type, response.output_text.strip()) == ("message", '{"result": "6"}')
    kinds = [e.type for e in events]
    assert kinds.index("response.mcp_call_arguments.done") < kinds.index("response.output_text.delta")
    assert [e.sequence_number for e in events] == list(range(len(events)))


def test_other_clients_of_the_responses_api_get_tool_calls_in_the_form_of_langflow(
    client: httpx2.Client, model_url: str
) -> None:
    body = {"model": create_flow(client, agent_flow(model_url).data), "input": SIX}
    plain = client.post("/api/v1/responses", json=body).json()["output"]
    assert [item["type"] for item in plain] == ["tool_call", "message"]
    assert "results" not in plain[0]
    tool_call = client.post("/api/v1/responses", json={**body, "include": ["tool_call.results"]}).json()["output"][0]
    assert (tool_call["tool_name"], tool_call["inputs"], tool_call["results"]) == (
        "evaluate_expression",
        {"expression": "2*3"},
        {"result": '{"result": "6"}'},
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
def test_the_calculator_evaluates_an_expression(client: httpx2.Client, expression: str, result: str) -> None:
    assert calculate(client, expression)["text"] == f'{{"result": "{result}"}}'


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
def test_the_calculator_fails_for_an_invalid_or_too_large_expression(client: httpx2.Client, expression: str) -> None:
    flow = create_flow(client, calculator_flow(expression))
    answer = client.post(f"/api/v1/run/{flow}", json={})
    assert (answer.status_code, "Calculator" in answer.text) == (500, True)


def calculator_flow(expression: str) -> dict[str, Any]:
    return (
        FlowBuilder()
        .node("CalculatorComponent", "Calculator-c", expression=expression)
        .node("ParserComponent", "Parser-p", mode="Stringify")
        .node("ChatOutput", "ChatOutput-b")
        .edge("Calculator-c", "result", "Parser-p", "input_data")
        .edge("Parser-p", "parsed_text", "ChatOutput-b", "input_value")
        .data
    )


def calculate(client: httpx2.Client, expression: str) -> dict[str, Any]:
    answer = client.post(f"/api/v1/run/{create_flow(client, calculator_flow(expression))}", json={})
    message = answer.json()["outputs"][0]["outputs"][0]["results"]["message"]
    return {"text": json.dumps(json.loads(message["text"].removeprefix("```json").removesuffix("```")))}


def test_run_flow_in_tool_mode_is_a_tool(client: httpx2.Client, model_url: str) -> None:
    name = f"helper {uuid.uuid4()}"
    flow = agent_flow(model_url).node("RunFlow", "RunFlow-r", flow_id_selected=create_flow(client, echo_flow(), name))
    rows = [{"name": "helper", "description": "Helps.", "tags": ["helper"]}]
    node = next(n for n in flow.data["nodes"] if n["id"] == "RunFlow-r")["data"]["node"]
    node["template"]["tools_metadata"] = {"type": "tools", "name": "tools_metadata", "show": True, "value": rows}
    flow.edge("RunFlow-r", "component_as_tool", "Agent-g", "tools")
    assert ask(client, flow, 'call helper {"input_value": "to the flow"}')["text"] == "to the flow"


def test_the_editor_turns_tool_mode_of_a_node_on_and_off(client: httpx2.Client, model_url: str) -> None:
    component = registry().find("CalculatorComponent")
    assert component is not None
    body = {"code": source_of(component), "template": node_json(component)["template"], "field": "tool_mode"}
    on = client.post("/api/v1/custom_component/update", json={**body, "field_value": True, "tool_mode": True}).json()
    assert [(o["name"], o["types"]) for o in on["outputs"]] == [("component_as_tool", ["Tool"])]
    (row,) = on["template"]["tools_metadata"]["value"]
    assert row["name"] == "evaluate_expression"
    assert row.keys() == {
        "name", "description", "display_name", "display_description", "tags", "args", "readonly", "status"
    }  # fmt: skip
    assert row["args"].keys() == {"expression"}
    assert row["args"]["expression"].keys() == {"title", "description", "type", "default"}
    assert (row["args"]["expression"]["type"], row["args"]["expression"]["default"]) == ("string", "")
    assert on["outputs"][0].keys() >= {"hidden", "required_inputs", "loop_types", "options", "tool_mode", "value"}
    off = client.post("/api/v1/custom_component/update", json={**body, "field_value": False}).json()
    assert [o["name"] for o in off["outputs"]] == ["result"]
    flow = agent_flow(model_url)
    next(n for n in flow.data["nodes"] if n["id"] == "Calculator-c")["data"]["node"] = on
    assert ask(client, flow, SIX)["text"] == '{"result": "6"}'


PERSON = [
    {"name": "name", "description": "Name of the person.", "type": "str"},
    {"name": "age", "description": "Age in years.", "type": "int"},
]


def test_an_agent_answers_with_a_record_of_the_schema(client: httpx2.Client, model_url: str) -> None:
    flow = agent_flow(model_url, output_schema=PERSON)
    flow.data["edges"] = [e for e in flow.data["edges"] if e["target"] != "ChatOutput-b"]
    flow.edge("Agent-g", "structured_response", "ChatOutput-b", "input_value")
    record = json.dumps({"objects": [{"name": "Ada", "age": 36}]})
    message = ask(client, flow, f"say {record}")
    assert json.loads(message["text"].strip("`json\n")) == {"name": "Ada", "age": 36}


def test_the_editor_shows_the_structured_output_of_an_agent_with_a_schema(client: httpx2.Client) -> None:
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
def test_the_tool_calling_agent_uses_a_connected_model(client: httpx2.Client, model_url: str, type_name: str) -> None:
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
    message = ask(client, flow, SIX)
    assert [s[:2] for s in steps(message)] == [("evaluate_expression", {"expression": "2*3"})]
    assert "6" in message["text"]
    assert ask(client, flow, "hello")["text"] == "[Be brief.] hello"
