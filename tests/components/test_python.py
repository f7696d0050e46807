"""Python Interpreter and Smart Transform: results, isolation and permission of code from fields and models."""

from __future__ import annotations

import json
import os
import re
import uuid
from typing import Any

import httpx2
import pytest

from tests.support.custom_code import People, answer_text, create_flow, isolation, lenient_server, people, run_flow
from tests.support.flow_builder import FlowBuilder
from tests.support.model_server import KEY
from tests.support.waiting import until

__all__ = ["isolation", "lenient_server", "people"]


def python_flow(code: str, imports: str = "math") -> dict[str, Any]:
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("PythonREPLComponent", "Python-p", python_code=code, global_imports=imports)
        .node("ChatOutput", "ChatOutput-b")
        .edge("Python-p", "results", "ChatOutput-b", "input_value")
        .data
    )


def result_of(answer: httpx2.Response) -> dict[str, Any]:
    return dict(json.loads(answer_text(answer).strip("`json\n")))


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("print(math.floor(2.5))", {"result": "2\n"}),
        ("import sys\nprint('a', 'b', sep='-', end='')\nprint('log', file=sys.stderr)", {"result": "a-b"}),
        ("x = 1\nprint(x / 0)", {"error": "line 2: ZeroDivisionError: division by zero"}),
        ("def (", {"error": "SyntaxError: invalid syntax (<unknown>, line 1)"}),
        ("raise SystemExit('over')", {"error": "line 1: SystemExit: over"}),
    ],
)
def test_the_printed_output_of_code_is_its_result(people: People, code: str, result: dict[str, str]) -> None:
    assert result_of(run_flow(people.root, create_flow(people.root, python_flow(code))["id"])) == result


def test_code_never_runs_in_the_servers_process(people: People) -> None:
    """This holds for every setting of the isolation of custom components."""
    flow = create_flow(people.root, python_flow("import os\nprint(os.getpid(), os.environ.get('PATH_OF_TEST'))"))
    output = result_of(run_flow(people.root, flow["id"]))["result"].split()
    assert int(output[0]) != os.getpid()
    reader = create_flow(people.root, python_flow("open('/etc/passwd')"))
    # The file is not visible, or not readable if the system permits no mounts.
    assert re.search("No such file|Permission denied", str(result_of(run_flow(people.root, reader["id"]))["error"]))


def test_an_owner_without_permission_to_run_code_gets_the_reason(people: People) -> None:
    answer = run_flow(people.ada, create_flow(people.ada, python_flow("print(1)"))["id"])
    assert answer.status_code == 500
    assert "the flow's owner may not" in answer.text
    assert "HEADRACE_CUSTOM_CODE" in answer.text


def test_a_request_cannot_replace_the_code_and_an_anonymous_caller_cannot_run_it(people: People) -> None:
    flow = create_flow(people.root, python_flow("print('drawn')"), access_type="PUBLIC")
    tweaks = {"Python-p": {"python_code": "print('brought')", "global_imports": "os"}}
    assert result_of(run_flow(people.root, flow["id"], tweaks=tweaks)) == {"result": "drawn\n"}
    build = f"/api/v1/build_public_tmp/{flow['id']}/flow?event_delivery=direct"
    response = people.anyone.post(build, json={"inputs": {"input_value": "x"}}, headers={"cookie": "client_id=v"})
    assert "does not run for anonymous callers" in response.text
    assert "drawn" not in response.text


def test_a_webhook_runs_code_for_the_owner_and_for_nobody_else(people: People) -> None:
    data = python_flow("print('drawn')")
    webhook = FlowBuilder().node("Webhook", "Webhook-w").data["nodes"]
    flow = create_flow(people.root, {**data, "nodes": [*data["nodes"], *webhook]})

    def run_webhook(client: httpx2.Client) -> str:
        accepted = client.post(f"/api/v1/webhook/{flow['id']}", json={"x": 1})
        assert accepted.status_code == 202, accepted.text
        job_url = f"/api/v1/jobs/{accepted.json()['job_id']}"
        finished = until(
            lambda: next((j for j in [people.root.get(job_url).json()] if j["status"] in {"succeeded", "failed"}), None)
        )
        return f"{finished['status']} {finished['error']}"

    assert "does not run for anonymous callers" in run_webhook(people.anyone)
    assert "does not run for anonymous callers" in run_webhook(people.ada)
    assert run_webhook(people.root) == "succeeded None"


def test_an_import_that_is_not_a_module_name_fails(people: People) -> None:
    answer = run_flow(people.root, create_flow(people.root, python_flow("print(1)", "os; import sys"))["id"])
    assert "is not a valid module name" in answer.text


def test_an_agent_uses_the_interpreter_as_a_tool(people: People, model_url: str) -> None:
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("PythonREPLComponent", "Python-p", global_imports="math")
        .node("Agent", "Agent-g", openai_api_base=model_url, api_key=KEY, max_retries=0)
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "Agent-g", "input_value")
        .edge("Python-p", "component_as_tool", "Agent-g", "tools")
        .edge("Agent-g", "response", "ChatOutput-b", "input_value")
    )
    text = 'call run_python_repl {"python_code": "print(6 * 7)"}\ncall run_python_repl {"python_code": "1/0"}'
    answer = answer_text(run_flow(people.root, create_flow(people.root, flow.data)["id"], text))
    assert "42" in answer
    assert "ZeroDivisionError" in answer


def transform_flow(
    model_url: str, rows: list[dict[str, Any]], instructions: str, output: str = "data_output"
) -> dict[str, Any]:
    """Return a Smart Transform flow. The model repeats the instructions, so they contain its answer."""
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("StructuredOutput", "Rows-r", output_schema=[{"name": n, "type": "int"} for n in rows[0]])
        .node("OpenAIModel", "OpenAIModel-m", openai_api_base=model_url, api_key=KEY, max_retries=0)
        .node("Smart Transform", "Smart-s", filter_instruction=instructions)
        .node("ChatOutput", "ChatOutput-b")
        .edge("OpenAIModel-m", "model_output", "Rows-r", "llm")
        .edge("ChatInput-a", "message", "Rows-r", "input_value")
        .edge("Rows-r", "dataframe_output", "Smart-s", "data")
        .edge("OpenAIModel-m", "model_output", "Smart-s", "llm")
        .edge("Smart-s", output, "ChatOutput-b", "input_value")
        .data
    )


ROWS = [{"n": 1}, {"n": 5}, {"n": 7}]


def test_records_are_transformed_by_code_that_a_model_writes(people: People, model_url: str) -> None:
    instructions = "\n```python\nlambda data: [\n  row for row in data if row['n'] > 4\n]\n```\n"
    flow = create_flow(people.root, transform_flow(model_url, ROWS, instructions))
    answer = run_flow(people.root, flow["id"], json.dumps({"objects": ROWS}))
    assert result_of(answer) == {"_results": [{"n": 5}, {"n": 7}]}
    table = create_flow(people.root, transform_flow(model_url, ROWS, instructions, "dataframe_output"))
    assert answer_text(run_flow(people.root, table["id"], json.dumps({"objects": ROWS}))).splitlines()[2:] == [
        "|   5 |",
        "|   7 |",
    ]


@pytest.mark.parametrize(
    ("instructions", "problem"),
    [
        ("\n```\nlambda data: data.nowhere\n```\n", "AttributeError"),
        ("\n```\nlambda data: open('/etc/passwd').read()\n```\n", "No such file|Permission denied"),
    ],
)
def test_the_model_gets_the_error_of_failed_code_and_then_the_caller(
    people: People, model_url: str, instructions: str, problem: str
) -> None:
    before = int(httpx2.get(f"{model_url.removesuffix('/v1')}/count").text)
    flow = create_flow(people.root, transform_flow(model_url, ROWS, instructions))
    answer = run_flow(people.root, flow["id"], json.dumps({"objects": ROWS}))
    assert answer.status_code == 500
    assert re.search(problem, answer.text)
    assert int(httpx2.get(f"{model_url.removesuffix('/v1')}/count").text) >= before + 2


def test_code_from_a_model_does_not_run_for_an_owner_without_permission(people: People, model_url: str) -> None:
    flow = create_flow(people.ada, transform_flow(model_url, ROWS, f"\n```\nlambda data: '{uuid.uuid4()}'\n```\n"))
    assert "the flow's owner may not" in run_flow(people.ada, flow["id"], json.dumps({"objects": ROWS})).text
