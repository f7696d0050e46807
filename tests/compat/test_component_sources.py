"""Component sources in the style of published ones, each as a node of the editor and in a run."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from fastapi import FastAPI

from tests.compat.base_class_sources import FILES, MCP, OLLAMA, SOURCES, Case
from tests.components.test_mcp import weather_server
from tests.support.custom_code import (
    People,
    answer_text,
    create_flow,
    flow_with_code,
    isolation,
    lenient_server,
    people,
    run_flow,
    unique_source,
)
from tests.support.server import serving

__all__ = ["isolation", "lenient_server", "people"]


def component(body: str, *, imports: str = "", inputs: str = "", returns: str = "Message") -> str:
    """Return the source of a component whose method `build` has this body."""
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    return (
        "from lfx.custom import Component\n"
        "from lfx.io import BoolInput, DataInput, DictInput, DropdownInput, FloatInput, IntInput, MessageTextInput, Output, TableInput\n"
        "from lfx.schema import Data, DataFrame\nfrom lfx.schema.message import Message\n"
        f"{imports}\n\nclass Sample(Component):\n    display_name = 'Sample'\n"
        f"    inputs = [MessageTextInput(name='input_value', display_name='Input', tool_mode=True), {inputs}]\n"
        f"    outputs = [Output(name='output', display_name='Out', method='build')]\n\n"
        f"    def build(self) -> {returns}:\n{lines}\n"
    )


CASES = {
    "text": Case(component("return Message(text=self.input_value[::-1])"), "abc", "cba", ["Message"]),
    "async": Case(
        component("await asyncio.sleep(0)\nreturn Message(text='waited')", imports="import asyncio").replace(
            "def build", "async def build"
        ),
        "x",
        "waited",
        ["Message"],
    ),
    "record": Case(
        component("return Data(data={'said': self.input_value})", returns="Data"), "a", {"said": "a"}, ["Data"]
    ),
    "record by keywords": Case(
        component("return Data(said=self.input_value)", returns="Data"), "a", {"said": "a"}, ["Data"]
    ),
    "no annotation": Case(component("return Message(text='any')").replace(" -> Message", ""), "x", "any", ["Any"]),
    "annotation as text": Case(component("return Message(text='t')", returns="'Message'"), "x", "t", ["Message"]),
    "several types": Case(
        component("return Message(text='u')", returns="Message | Data"), "x", "u", ["Message", "Data"]
    ),
    "defaults": Case(
        component(
            "return Message(text=f'{self.n + 1} {self.x:.1f} {self.b} {self.d[\"k\"]} {self.o}')",
            inputs="IntInput(name='n', value=4), FloatInput(name='x', value=0.5), BoolInput(name='b', value=True), "
            "DictInput(name='d', value={'k': 'v'}), DropdownInput(name='o', options=['p', 'q'], value='q')",
        ),
        "x",
        "5 0.5 True v q",
        ["Message"],
    ),
    "table field": Case(
        component(
            "return Message(text=self.rows[0]['word'])",
            inputs="TableInput(name='rows', table_schema=[{'name': 'word', 'display_name': 'Word', 'type': 'str', "
            "'edit_mode': EditMode.INLINE}], value=[{'word': 'cell'}])",
            imports="from lfx.schema.table import EditMode",
        ),
        "x",
        "cell",
        ["Message"],
    ),
    "range": Case(
        component(
            "return Message(text=str(self.t))",
            inputs="FloatInput(name='t', value=0.3, range_spec=RangeSpec(min=0, max=1, step=0.1))",
            imports="from lfx.field_typing.range_spec import RangeSpec",
        ),
        "x",
        "0.3",
        ["Message"],
    ),
    "status and log": Case(
        component(
            "self.status = 'busy'\nself.log('one')\nself.log('two', name='n')\nreturn Message(text=str(len(self.logs)))"
        ),
        "x",
        "2",
        ["Message"],
    ),
    "senders": Case(
        component(
            "return Message(text=f'{MESSAGE_SENDER_AI} {MESSAGE_SENDER_NAME_USER}')",
            imports="from lfx.utils.constants import MESSAGE_SENDER_AI, MESSAGE_SENDER_NAME_USER",
        ),
        "x",
        "Machine User",
        ["Message"],
    ),
    "dotdict": Case(
        component(
            "d = dotdict({'a': {'b': 1}})\nd.a.b += 1\nreturn Message(text=str(d['a']['b']))",
            imports="from lfx.schema.dotdict import dotdict",
        ),
        "x",
        "2",
        ["Message"],
    ),
    "helpers": Case(
        component(
            "return Message(text=data_to_text('{word}!', [Data(word='a'), Data(word='b')]) + safe_convert(Data(c=1)))",
            imports="from lfx.helpers.data import data_to_text, safe_convert",
        ),
        "x",
        'a!\nb!```json\n{\n  "c": 1\n}\n```',
        ["Message"],
    ),
    "documents": Case(
        component(
            "docs = [Document(page_content='p', metadata={'n': 1})]\nreturn Message(text=str(docs_to_data(docs)[0].data))",
            imports="from langchain_core.documents import Document\nfrom lfx.helpers.data import docs_to_data",
        ),
        "x",
        "{'text': 'p', 'n': 1}",
        ["Message"],
    ),
    "component set fields": Case(
        component(
            "config = {'a': {'show': False}}\nset_field_display(config, 'a', True)\nreturn Message(text=str(config))",
            imports="from lfx.utils.component_utils import set_field_display",
        ),
        "x",
        "{'a': {'show': True}}",
        ["Message"],
    ),
    "late import": Case(
        component(
            "from lfx.schema.data import Data as Late\nreturn Message(text=Late(data={'text': 'late'}).get_text())"
        ),
        "x",
        "late",
        ["Message"],
    ),
    "module import": Case(
        component(
            "return Message(text=str(lfx.schema.data.Data(data={'text': 'deep'}).get_text()))",
            imports="import lfx.schema.data",
        ),
        "x",
        "deep",
        ["Message"],
    ),
    "old names": Case(
        component("return Message(text='old')").replace("from lfx.", "from langflow."), "x", "old", ["Message"]
    ),
    "context": Case(
        component("self.update_ctx({'k': 1})\nself.add_to_ctx('l', 2)\nreturn Message(text=str(sorted(self.ctx)))"),
        "x",
        "['k', 'l']",
        ["Message"],
    ),
    "attributes": Case(
        component("return Message(text=self._attributes['input_value'].text + ' ' + str(bool(self.user_id)))"),
        "said",
        "said True",
        ["Message"],
    ),
    "helper class": Case(
        component("return Message(text=Helper().word)").replace(
            "class Sample", "class Helper:\n    word = 'helped'\n\n\nclass Sample"
        ),
        "x",
        "helped",
        ["Message"],
    ),
    "inherited": Case(
        component("return Message(text='inherited')").replace("class Sample(", "class Base(")
        + "\n\nclass Sample(Base):\n    display_name = 'Sample'\n",
        "x",
        "inherited",
        ["Message"],
    ),
    "model base": Case(
        "from langchain_core.language_models import FakeListChatModel\n"
        "from lfx.base.models.model import LCModelComponent\nfrom lfx.field_typing import LanguageModel\n\n\n"
        "class Sample(LCModelComponent):\n    display_name = 'Sample'\n    inputs = [*LCModelComponent.get_base_inputs()]\n"
        "    def build_model(self) -> LanguageModel:\n        return FakeListChatModel(responses=['from the model'])\n",
        "x",
        "from the model",
        ["Message"],
    ),
}


CASES |= SOURCES


@pytest.mark.parametrize("name", CASES)
def test_a_component_source_becomes_a_node_and_runs(people: People, name: str) -> None:
    case = CASES[name]
    code = unique_source(case.source)
    made = people.root.post("/api/v1/custom_component", json={"code": code})
    assert made.status_code == 200, made.text
    node = made.json()["data"]
    assert (made.json()["type"], node["outputs"][0]["types"]) == ("Sample", case.types)
    output = node["outputs"][0]["name"]
    flow = create_flow(people.root, flow_with_code(code, "Sample", (output,)))
    text = answer_text(run_flow(people.root, flow["id"], case.input_value))
    assert (text if isinstance(case.answer, str) else records_in(text)) == case.answer


def records_in(text: str) -> object:
    """Return the record in the only fenced block of an answer, or the list of those in all blocks."""
    records = [json.loads(block) for block in re.findall(r"^```json\n(.*?)\n```$", text, re.DOTALL | re.MULTILINE)]
    return records[0] if len(records) == 1 else records


@pytest.mark.parametrize("name", CASES)
def test_a_node_keeps_an_edited_value(people: People, name: str) -> None:
    code = unique_source(CASES[name].source)
    node = people.root.post("/api/v1/custom_component", json={"code": code}).json()["data"]
    body = {"code": code, "template": node["template"], "field": "input_value", "field_value": "typed"}
    answer = people.root.post("/api/v1/custom_component/update", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["template"]["input_value"]["value"] == "typed"
    assert answer.json()["outputs"] == node["outputs"]


def test_a_component_reads_only_files_of_its_owner(people: People) -> None:
    files = {"file": (f"{uuid.uuid4()}.txt", b"first text")}
    mine = people.root.post("/api/v2/files/", files=files).json()["path"]
    more = {"file": (f"{uuid.uuid4()}.json", b'{"k": 2}')}
    other = people.root.post("/api/v2/files/", files=more).json()["path"]
    flow = create_flow(people.root, flow_with_code(unique_source(FILES), "Sample", ("message",)))
    assert answer_text(run_flow(people.root, flow["id"], f"{mine} {other}")) == 'first text\n\n{"k": 2}'
    assert "does not exist" in run_flow(people.root, flow["id"], "no/such.txt").text
    theirs = people.ada.post("/api/v2/files/", files=files).json()["path"]
    assert "does not exist" in run_flow(people.root, flow["id"], theirs).text


def test_a_component_lists_the_models_of_an_ollama_server(people: People) -> None:
    ollama = FastAPI()

    @ollama.get("/api/tags")
    async def tags() -> dict[str, object]:
        return {"models": [{"name": "writes"}, {"name": "calls"}]}

    @ollama.post("/api/show")
    async def show(body: dict[str, str]) -> dict[str, object]:
        return {"capabilities": ["completion", *(["tools"] if body["model"] == "calls" else [])]}

    flow = create_flow(people.root, flow_with_code(unique_source(OLLAMA), "Sample"))
    with serving(ollama) as address:
        assert answer_text(run_flow(people.root, flow["id"], address)) == "calls"
    assert answer_text(run_flow(people.root, flow["id"], address)) == "nobody"


def test_a_component_connects_to_an_mcp_server(people: People) -> None:
    flow = create_flow(people.root, flow_with_code(unique_source(MCP), "Sample"))
    with serving(weather_server().streamable_http_app()) as address:
        assert (
            answer_text(run_flow(people.root, flow["id"], f"{address}/mcp"))
            == "Streamable_HTTP 2 1 fine days in Oslo 2"
        )


def test_a_stopped_output_ends_its_branch(people: People) -> None:
    code = unique_source(component("self.stop('output')\nreturn Message(text='never')"))
    flow = create_flow(people.root, flow_with_code(code, "Sample"))
    answer = run_flow(people.root, flow["id"])
    assert (answer.status_code, "never" in answer.text) == (200, False)


def test_a_component_reads_only_variables_of_its_owner(people: People) -> None:
    code = unique_source(
        component("return Message(text=await self.get_variables('SECRET_WORD', 'x'))").replace(
            "def build", "async def build"
        )
    )
    variable = {"name": "SECRET_WORD", "value": "swordfish", "type": "Credential", "default_fields": []}
    assert people.root.post("/api/v1/variables/", json=variable).status_code in {201, 400}
    flow = create_flow(people.root, flow_with_code(code, "Sample"))
    assert answer_text(run_flow(people.root, flow["id"])) == "swordfish"
    assert "SECRET_WORD" in run_flow(people.ada, create_flow(people.ada, flow_with_code(code, "Sample"))["id"]).text
