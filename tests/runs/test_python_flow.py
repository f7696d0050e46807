"""Flows that are written in Python, and one component alone: without a server, as an author works."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from headrace.cli import app as command_line
from headrace.compat.loader import ComponentCodeError
from headrace.component.component import ComponentError
from headrace.graph.errors import FlowError, RunError
from headrace.runs.python_flow import Graph, PythonFlowError, load_graph
from headrace.testing import load, run
from tests.support.custom_code import People, answer_text, approve_code, isolation, lenient_server, people, run_flow

__all__ = ["isolation", "lenient_server", "people"]

PAGE = (Path(__file__).parent.parent.parent / "docs" / "custom-code.md").read_text(encoding="utf-8")
#: The page's examples: one component's test, and a flow.
ALONE, FLOW = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

SHOUT = """
from lfx.custom import Component
from lfx.io import MessageTextInput, Output
from lfx.schema import Message


class Shout(Component):
    display_name = "Shout"
    inputs = [MessageTextInput(name="text"), MessageTextInput(name="end", value="!")]
    outputs = [Output(name="loud", method="shout"), Output(name="told", method="tell")]

    def shout(self) -> Message:
        return Message(text=self.text.upper())

    async def tell(self) -> Message:
        self.status = "telling"
        self.log("asked")
        self.stop("loud")
        word = await self.get_variables("WORD")
        await self.send_message(Message(text=word, sender="Machine", sender_name="Shout"))
        return Message(text=word + self.end)
"""


def test_the_pages_example_of_one_component_alone_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "components" / "texts").mkdir(parents=True)
    (tmp_path / "components" / "texts" / "shout.py").write_text(SHOUT)
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    exec(ALONE, found)
    found["test_shout_converts_to_upper_case"]()


def test_one_component_alone_tells_all_that_it_did() -> None:
    outcome = run(load(SHOUT), "told", variables={"WORD": "said"}, end="?")
    assert (outcome.value.text, outcome.status, outcome.stopped) == ("said?", "telling", {"loud"})
    assert [log["message"] for log in outcome.logs] == ["asked"]
    assert [message.text for message in outcome.messages] == ["said"]


def test_what_is_wrong_with_a_component_alone_is_raised() -> None:
    with pytest.raises(ComponentError, match="no output 'nowhere'"):
        run(load(SHOUT), "nowhere")
    with pytest.raises(ComponentCodeError, match="line 2: ZeroDivisionError"):
        load("\n1 / 0\n")
    with pytest.raises(AttributeError):
        run(load(SHOUT.replace("self.text.upper()", "self.text.no_such()")), text="x")


def test_the_pages_flow_runs_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    done = CliRunner().invoke(command_line, ["exec", str(tmp_path / "flow.py"), "--input-value", "hello"])
    assert (done.exit_code, done.output.strip()) == (0, "HELLO")


def test_the_pages_flow_becomes_a_file_that_the_server_runs(people: People) -> None:
    drawn = load_graph(FLOW, "flow.py").dump(name="in Python", description="From a file.")
    made = people.root.post("/api/v1/flows/", json=drawn)
    assert made.status_code == 201, made.text
    assert made.json()["description"] == "From a file."
    assert approve_code(people.root, made.json()).status_code == 200
    assert answer_text(run_flow(people.root, made.json()["id"], "hello")) == "HELLO"
    # Read back and loaded anew, it is the same.
    stored = people.root.get(f"/api/v1/flows/{made.json()['id']}").json()["data"]
    assert [n["id"] for n in stored["nodes"]] == [n["id"] for n in drawn["data"]["nodes"]]


def test_a_flow_in_python_is_run_and_followed() -> None:
    graph = load_graph(FLOW, "flow.py")
    assert graph.run("hi").outputs[0].results["message"].text == "HI"
    results = [(r.vertex_id, list(r.outputs)) for r in graph.start([{"input_value": "a"}])]
    assert results == [("ChatInput-1", ["message"]), ("Shout-1", ["loud"]), ("ChatOutput-1", ["message"])]
    assert json.loads(graph.dumps())["data"]["edges"][0]["source"] == "ChatInput-1"


def test_values_that_no_file_can_hold_are_there_when_it_is_run_from_python() -> None:
    source = FLOW.replace("Shout().set(", "Shout().set(made=Made(), ").replace(
        "class Shout", "class Made:\n    word = 'made'\n\n\nclass Shout"
    )
    source = source.replace('MessageTextInput(name="text")', 'MessageTextInput(name="text"), HandleInput(name="made")')
    source = source.replace("self.text.upper()", "self.made.word").replace(
        "import MessageTextInput", "import HandleInput, MessageTextInput"
    )
    graph = load_graph(source, "flow.py")
    assert graph.run("x").outputs[0].results["message"].text == "made"
    assert "Made" not in json.dumps(
        [
            n["data"]["node"]["template"]["made"]
            for n in graph.dump()["data"]["nodes"]
            if "made" in n["data"]["node"]["template"]
        ]
    )


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ("graph =", "defines no flow"),
        ("Graph(chat_input,", "line 19: ComponentError: A Graph needs a first and a last component"),
        ("chat_input.message_response", "computes no output of"),
        ("text=chat_input", "has no field 'nowhere'"),
        ("text=self.text", "division by zero"),
    ],
)
def test_an_invalid_flow_fails_with_its_problem(changed: str, problem: str) -> None:
    replacement = {
        "graph =": "flow =",
        "Graph(chat_input,": "Graph(None,",
        "chat_input.message_response": "chat_input.get_id",
        "text=chat_input": "nowhere=chat_input",
        "text=self.text": "text=1 / 0 or self.text",
    }[changed]
    with pytest.raises((PythonFlowError, ComponentError, FlowError, RunError)) as raised:
        load_graph(FLOW.replace(changed, replacement), "flow.py").run("x")
    assert problem in str(raised.value)


def test_a_cycle_is_refused() -> None:
    Shout: Any = load(SHOUT)
    one, two = Shout(_id="one"), Shout(_id="two")
    one.set(text=two.shout)
    two.set(text=one.shout)
    with pytest.raises(FlowError, match="has a cycle"):
        Graph(one, two).prepare()


def test_two_components_of_one_id_are_refused() -> None:
    Shout: Any = load(SHOUT)
    with pytest.raises(ComponentError, match="'same'"):
        Graph(Shout(_id="same"), Shout(_id="same"))


def test_nothing_of_the_file_reaches_other_code(people: People) -> None:
    load_graph(FLOW, "flow.py")
    with pytest.raises(ModuleNotFoundError):
        __import__("lfx")
    assert isinstance(people.root, httpx2.Client)
