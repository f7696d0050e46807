"""Code in a field or from a model: whose runs, where, and what it gives."""

from __future__ import annotations

import json
import os
import uuid
from typing import Any

import httpx2
import pytest

from tests.compat.test_people_code import People, isolation, lenient_server, people, ran, saved, text_of
from tests.flow_builder import FlowBuilder
from tests.model_server import KEY
from tests.waiting import until

__all__ = ["isolation", "lenient_server", "people"]


def python(code: str, imports: str = "math") -> dict[str, Any]:
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("PythonREPLComponent", "Python-p", python_code=code, global_imports=imports)
        .node("ChatOutput", "ChatOutput-b")
        .edge("Python-p", "results", "ChatOutput-b", "input_value")
        .data
    )


def result_of(answer: httpx2.Response) -> dict[str, Any]:
    return dict(json.loads(text_of(answer).strip("`json\n")))


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("print(math.floor(2.5))", {"result": "2\n"}),
        ("import sys\nprint('a', 'b', sep='-', end='')\nprint('log', file=sys.stderr)", {"result": "a-b"}),
        ("x = 1\nprint(x / 0)", {"error": "line 2: ZeroDivisionError: division by zero"}),
        ("def (", {"error": "SyntaxError: invalid syntax (<unknown>, line 1)"}),
        ("raise SystemExit('over')", {"error": "line 1: SystemExit: over"}),
    ],
)
def test_what_code_prints_is_its_result(people: People, code: str, given: dict[str, str]) -> None:
    assert result_of(ran(people.root, saved(people.root, python(code))["id"])) == given


def test_it_never_runs_in_the_servers_process(people: People) -> None:
    """Wherever components of people's own run."""
    flow = saved(people.root, python("import os\nprint(os.getpid(), os.environ.get('PATH_OF_TEST'))"))
    shown = result_of(ran(people.root, flow["id"]))["result"].split()
    assert int(shown[0]) != os.getpid()
    assert (
        "Permission denied"
        in result_of(ran(people.root, saved(people.root, python("open('/etc/passwd')"))["id"]))["error"]
    )


def test_whoever_may_run_no_code_is_told(people: People) -> None:
    answer = ran(people.ada, saved(people.ada, python("print(1)"))["id"])
    assert answer.status_code == 500
    assert "the flow's owner may not" in answer.text
    assert "HEADRACE_CUSTOM_CODE" in answer.text


def test_no_request_brings_code_into_it_and_no_stranger_runs_it(people: People) -> None:
    flow = saved(people.root, python("print('drawn')"), access_type="PUBLIC")
    tweaks = {"Python-p": {"python_code": "print('brought')", "global_imports": "os"}}
    assert result_of(ran(people.root, flow["id"], tweaks=tweaks)) == {"result": "drawn\n"}
    build = f"/api/v1/build_public_tmp/{flow['id']}/flow?event_delivery=direct"
    visit = people.anyone.post(build, json={"inputs": {"input_value": "x"}}, headers={"cookie": "client_id=v"})
    assert "not run for strangers" in visit.text
    assert "drawn" not in visit.text


def test_a_stranger_at_a_webhook_runs_none_and_its_owner_does(people: People) -> None:
    data = python("print('drawn')")
    hook = FlowBuilder().node("Webhook", "Webhook-w").data["nodes"]
    flow = saved(people.root, {**data, "nodes": [*data["nodes"], *hook]})

    def job(client: httpx2.Client) -> str:
        accepted = client.post(f"/api/v1/webhook/{flow['id']}", json={"x": 1})
        assert accepted.status_code == 202, accepted.text
        told = f"/api/v1/jobs/{accepted.json()['job_id']}"
        done = until(
            lambda: next((j for j in [people.root.get(told).json()] if j["status"] in {"succeeded", "failed"}), None)
        )
        return f"{done['status']} {done['error']}"

    assert "not run for strangers" in job(people.anyone)
    assert "not run for strangers" in job(people.ada)
    assert job(people.root) == "succeeded None"


def test_an_import_is_a_modules_name(people: People) -> None:
    answer = ran(people.root, saved(people.root, python("print(1)", "os; import sys"))["id"])
    assert "is no module's name" in answer.text


def test_an_agent_reckons_with_it(people: People, model_url: str) -> None:
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
    said = 'call run_python_repl {"python_code": "print(6 * 7)"}\ncall run_python_repl {"python_code": "1/0"}'
    text = text_of(ran(people.root, saved(people.root, flow.data)["id"], said))
    assert "42" in text
    assert "ZeroDivisionError" in text


def transform(model_url: str, rows: list[dict[str, Any]], says: str, output: str = "data_output") -> dict[str, Any]:
    """A flow whose model answers an instruction with `says`."""
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("StructuredOutput", "Rows-r", output_schema=[{"name": n, "type": "int"} for n in rows[0]])
        .node("OpenAIModel", "OpenAIModel-m", openai_api_base=model_url, api_key=KEY, max_retries=0)
        .node("Smart Transform", "Smart-s", filter_instruction=says)
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
    # The model repeats what it is asked: the instruction stands in its answer, with the lambda in it.
    says = "\n```python\nlambda data: [\n  row for row in data if row['n'] > 4\n]\n```\n"
    flow = saved(people.root, transform(model_url, ROWS, says))
    answer = ran(people.root, flow["id"], json.dumps({"objects": ROWS}))
    assert result_of(answer) == {"_results": [{"n": 5}, {"n": 7}]}
    table = saved(people.root, transform(model_url, ROWS, says, "dataframe_output"))
    assert text_of(ran(people.root, table["id"], json.dumps({"objects": ROWS}))).splitlines()[2:] == ["| 5 |", "| 7 |"]


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("\n```\nlambda data: data.nowhere\n```\n", "AttributeError"),
        ("\n```\nlambda data: open('/etc/passwd').read()\n```\n", "Permission denied"),
    ],
)
def test_a_model_whose_code_fails_is_told_and_then_the_person(
    people: People, model_url: str, says: str, told: str
) -> None:
    before = int(httpx2.get(f"{model_url.removesuffix('/v1')}/count").text)
    flow = saved(people.root, transform(model_url, ROWS, says))
    answer = ran(people.root, flow["id"], json.dumps({"objects": ROWS}))
    assert answer.status_code == 500
    assert told in answer.text
    assert int(httpx2.get(f"{model_url.removesuffix('/v1')}/count").text) >= before + 2


def test_what_a_model_wrote_is_not_run_for_an_owner_who_may_run_no_code(people: People, model_url: str) -> None:
    flow = saved(people.ada, transform(model_url, ROWS, f"\n```\nlambda data: '{uuid.uuid4()}'\n```\n"))
    assert "the flow's owner may not" in ran(people.ada, flow["id"], json.dumps({"objects": ROWS})).text
