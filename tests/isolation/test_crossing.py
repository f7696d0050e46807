"""Models, tools, streams and objects pass between isolated components and the server's components."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from headrace.app import create_app
from tests.conftest import settings_for
from tests.support.custom_code import answer_text, create_flow, open_clients, run_flow, unique_source
from tests.support.flow_builder import FlowBuilder, echo_flow
from tests.support.model_server import KEY
from tests.support.server import serving


@pytest.fixture(scope="module", params=["process", "none"])
def root(
    request: pytest.FixtureRequest, database_url: str | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx2.Client]:
    """A client of a superuser, on a server with isolation and on one without. Both servers behave the same."""
    settings = settings_for(tmp_path_factory.mktemp("crossing"), database_url, code_isolation=request.param)
    with serving(create_app(settings)) as base:
        yield from (people.root for people in open_clients(base))


def add_component(flow: FlowBuilder, node_id: str, code: str, /, *outputs: str, **values: Any) -> FlowBuilder:
    """Add a component with custom code to a flow."""
    template: dict[str, Any] = {
        "_type": "Component",
        "code": {"type": "code", "value": unique_source(code), "show": True, "name": "code"},
    }
    for name, value in values.items():
        template[name] = {"type": "str", "name": name, "value": value, "show": True}
    node = {"template": template, "display_name": node_id, "outputs": [{"name": o} for o in outputs], "edited": True}
    data = {"id": node_id, "type": "Own", "node": node}
    flow.data["nodes"].append({"id": node_id, "type": "genericNode", "position": {"x": 0, "y": 0}, "data": data})
    return flow


HEAD = """
from lfx.custom import Component
from lfx.io import HandleInput, MessageTextInput, Output
from lfx.schema import Data
from lfx.schema.message import Message
"""


def component(inputs: str, outputs: str, body: str, head: str = "") -> str:
    return f"{HEAD}{head}\nclass Own(Component):\n    display_name = 'Own'\n    inputs = [{inputs}]\n    outputs = [{outputs}]\n{body}\n"


ASKS = component(
    "MessageTextInput(name='prompt'), HandleInput(name='llm', input_types=['LanguageModel'])",
    "Output(name='out', method='ask')",
    "    async def ask(self) -> Message:\n"
    "        first = await self.llm.ainvoke(self.prompt)\n"
    "        chunks = [c.text async for c in self.llm.astream('say streamed words')]\n"
    "        return Message(text=f'{first.text}|{\"\".join(chunks)}|{len(chunks) > 1}')",
)


def test_an_isolated_component_calls_a_model_of_the_server(root: httpx2.Client, model_url: str) -> None:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    flow.node("OpenAIModel", "OpenAIModel-m", openai_api_base=model_url, api_key=KEY, max_retries=0)
    add_component(flow, "Own-o", ASKS, "out").edge("ChatInput-a", "message", "Own-o", "prompt")
    flow.edge("OpenAIModel-m", "model_output", "Own-o", "llm").edge("Own-o", "out", "ChatOutput-b", "input_value")
    answer = run_flow(root, create_flow(root, flow.data)["id"], "say hello")
    assert answer_text(answer) == "hello|streamed words|True"
    # The model server counts a token for each word.
    assert (answer.json()["usage"]["input_tokens"], answer.json()["usage"]["output_tokens"]) == (5, 3)


NAMES = component(
    "HandleInput(name='llm', input_types=['LanguageModel'])",
    "Output(name='out', method='tell')",
    "    async def tell(self) -> Message:\n        return Message(text=self.llm.model_name)",
)
JOINS = component(
    "HandleInput(name='parts', input_types=['Message'], is_list=True)",
    "Output(name='out', method='join')",
    "    def join(self) -> Message:\n        return Message(text=' '.join(sorted(p.text for p in self.parts)))",
)


def test_concurrent_isolated_components_use_their_own_models(root: httpx2.Client, model_url: str) -> None:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    add_component(flow, "Own-j", JOINS, "out").edge("Own-j", "out", "ChatOutput-b", "input_value")
    for number in range(6):
        made = {"openai_api_base": model_url, "api_key": KEY, "model_name": f"gpt-{number}"}
        flow.node("OpenAIModel", f"OpenAIModel-{number}", **made)
        add_component(flow, f"Own-{number}", NAMES, "out").edge(
            f"OpenAIModel-{number}", "model_output", f"Own-{number}", "llm"
        )
        flow.edge(f"Own-{number}", "out", "Own-j", "parts")
    assert answer_text(run_flow(root, create_flow(root, flow.data)["id"])) == "gpt-0 gpt-1 gpt-2 gpt-3 gpt-4 gpt-5"


MODEL = """
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.utils.function_calling import convert_to_openai_tool
from lfx.base.models.model import LCModelComponent
from lfx.field_typing import LanguageModel


class Model(GenericFakeChatModel):
    def bind_tools(self, tools, **kwargs):
        call = {"name": convert_to_openai_tool(tools[0])["function"]["name"], "args": {"objects": [{"expression": "6*7"}]}, "id": "1"}
        return Model(messages=iter([AIMessage("", tool_calls=[call])]))


class Own(LCModelComponent):
    display_name = "Own model"
    inputs = [*LCModelComponent.get_base_inputs()]

    def build_model(self) -> LanguageModel:
        self.cached_model = getattr(self, "cached_model", None) or Model(messages=iter([AIMessage("spoken in words")]))
        return self.cached_model
"""


def test_a_component_of_the_server_calls_an_isolated_model(root: httpx2.Client) -> None:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    flow.node("StructuredOutput", "StructuredOutput-s", output_schema=[{"name": "expression", "type": "str"}])
    add_component(flow, "Own-o", MODEL, "model_output").edge("Own-o", "model_output", "StructuredOutput-s", "llm")
    flow.edge("ChatInput-a", "message", "StructuredOutput-s", "input_value")
    flow.edge("StructuredOutput-s", "structured_output", "ChatOutput-b", "input_value")
    assert '"expression": "6*7"' in answer_text(run_flow(root, create_flow(root, flow.data)["id"]))


def test_an_isolated_model_streams_its_answer(root: httpx2.Client) -> None:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    add_component(flow, "Own-o", MODEL, "text_output", stream=True).edge(
        "ChatInput-a", "message", "Own-o", "input_value"
    )
    flow.edge("Own-o", "text_output", "ChatOutput-b", "input_value")
    flow_id = create_flow(root, flow.data)["id"]
    with root.stream("POST", f"/api/v1/run/{flow_id}?stream=true", json={"input_value": "x"}) as answer:
        events = [json.loads(line) for line in answer.iter_lines() if line]
    tokens = [e["data"]["chunk"] for e in events if e["event"] == "token"]
    assert "".join(tokens) == "spoken in words"
    assert len(tokens) > 1


TOOL = component(
    "MessageTextInput(name='unused')",
    "Output(name='tool', method='make')",
    "    def make(self) -> Tool:\n"
    "        return StructuredTool.from_function(backwards, name='backwards', description='Turns a word round.')",
    # The tool reads the run's messages, long after its method has returned.
    "from langchain_core.tools import StructuredTool\nfrom lfx.field_typing import Tool\n"
    "from lfx.memory import aget_messages\nfrom lfx.utils.async_helpers import run_until_complete\n"
    "def backwards(word: str) -> str:\n    assert run_until_complete(aget_messages(limit=1))\n    return word[::-1]\n",
)
TOOL_MODE = component(
    "MessageTextInput(name='word', tool_mode=True, required=True)",
    "Output(name='loud', method='shout')",
    "    def shout(self) -> Message:\n        return Message(text=self.word.upper())",
)


def test_an_agent_calls_isolated_tools_and_components_in_tool_mode(root: httpx2.Client, model_url: str) -> None:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    flow.node("Agent", "Agent-g", openai_api_base=model_url, api_key=KEY, max_retries=0)
    add_component(add_component(flow, "Own-t", TOOL, "tool"), "Own-m", TOOL_MODE, "component_as_tool")
    flow.edge("ChatInput-a", "message", "Agent-g", "input_value").edge("Own-t", "tool", "Agent-g", "tools")
    flow.edge("Own-m", "component_as_tool", "Agent-g", "tools").edge(
        "Agent-g", "response", "ChatOutput-b", "input_value"
    )
    prompt = 'call backwards {"word": "abc"} & shout {"word": "abc"}\ncall shout {}'
    message = run_flow(root, create_flow(root, flow.data)["id"], prompt).json()["outputs"][0]["outputs"][0]["results"][
        "message"
    ]
    steps = message["content_blocks"][0]["contents"]
    assert [(s["name"], s["output"]) for s in steps[:2]] == [("backwards", "cba"), ("shout", "ABC")]
    assert "word" in steps[2]["error"]
    assert message["text"].startswith("cba | ABC | Error")


USES = component(
    "HandleInput(name='tools', input_types=['Tool'], is_list=True), MessageTextInput(name='prompt')",
    "Output(name='out', method='use')",
    "    async def use(self) -> Message:\n"
    "        tools = [t for entry in self.tools for t in (entry if isinstance(entry, list) else [entry])]\n"
    "        result = await tools[0].ainvoke({'expression': self.prompt})\n"
    "        return Message(text=f'{tools[0].name} {result}')",
)


def test_an_isolated_component_calls_a_tool_of_the_server(root: httpx2.Client) -> None:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    flow.node("CalculatorComponent", "Calculator-c")
    add_component(flow, "Own-o", USES, "out").edge("Calculator-c", "component_as_tool", "Own-o", "tools")
    flow.edge("ChatInput-a", "message", "Own-o", "prompt").edge("Own-o", "out", "ChatOutput-b", "input_value")
    text = answer_text(run_flow(root, create_flow(root, flow.data)["id"], "6*7"))
    assert text.startswith("evaluate_expression")
    assert "42" in text


MAKES = component(
    "MessageTextInput(name='prompt')",
    "Output(name='thing', method='make')",
    "    def make(self) -> Thing:\n        self.ctx['made'] = self.prompt\n        return Thing(self.prompt)",
    "class Thing:\n    def __init__(self, word):\n        self.word = word\n",
)
TAKES = component(
    "HandleInput(name='thing', input_types=['Thing'])",
    "Output(name='out', method='take')",
    "    def take(self) -> Message:\n        return Message(text=self.thing.word + ' ' + self.ctx['made'])",
)


def test_an_object_of_a_custom_class_passes_between_isolated_components(root: httpx2.Client) -> None:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    add_component(add_component(flow, "Own-m", MAKES, "thing"), "Own-t", TAKES, "out")
    flow.edge("ChatInput-a", "message", "Own-m", "prompt").edge("Own-m", "thing", "Own-t", "thing")
    flow.edge("Own-t", "out", "ChatOutput-b", "input_value")
    flow_id = create_flow(root, flow.data)["id"]
    assert answer_text(run_flow(root, flow_id, "carried")) == "carried carried"
    shown = run_flow(root, flow_id, "carried", output_type="debug").json()["outputs"][0]["outputs"]
    assert "<Thing>" in [o["results"].get("thing") for o in shown]


CALLS = component(
    "MessageTextInput(name='prompt'), MessageTextInput(name='flow')",
    "Output(name='out', method='call')",
    "    async def call(self) -> Message:\n"
    "        [run] = await self.run_flow(inputs={'input_value': self.prompt}, flow_name=self.flow)\n"
    "        return Message(text=run.outputs[0].results['message'].text + '!')",
)


def test_an_isolated_component_runs_another_flow(root: httpx2.Client) -> None:
    inner = f"inner {uuid.uuid4()}"
    assert root.post("/api/v1/flows/", json={"name": inner, "data": echo_flow()}).status_code == 201
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    add_component(flow, "Own-o", CALLS, "out", flow=inner).edge("ChatInput-a", "message", "Own-o", "prompt")
    flow.edge("Own-o", "out", "ChatOutput-b", "input_value")
    assert answer_text(run_flow(root, create_flow(root, flow.data)["id"], "through")) == "through!"


FETCHES = component(
    "MessageTextInput(name='url')",
    "Output(name='out', method='fetch')",
    "    async def fetch(self) -> Message:\n"
    "        with urllib.request.urlopen(self.url) as answer:\n            first = answer.read().decode()\n"
    "        second = httpx2.get(self.url).text\n"
    "        async with httpx2.AsyncClient() as client:\n            third = (await client.get(self.url)).text\n"
    "        return Message(text=str(first == second == third and first.isdigit()))",
    "import urllib.request\nimport httpx2\n",
)


def test_isolated_code_reaches_an_allowed_host_with_any_http_client(root: httpx2.Client, model_url: str) -> None:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    add_component(flow, "Own-o", FETCHES, "out").edge("ChatInput-a", "message", "Own-o", "url")
    flow.edge("Own-o", "out", "ChatOutput-b", "input_value")
    assert (
        answer_text(run_flow(root, create_flow(root, flow.data)["id"], f"{model_url.removesuffix('/v1')}/count"))
        == "True"
    )


SPEAKS = component(
    "MessageTextInput(name='prompt')",
    "Output(name='out', method='speak')",
    "    async def speak(self) -> Message:\n"
    "        await self.send_message(Message(text='on the way', sender='Machine', sender_name='Own'))\n"
    "        print('printed by a component')\n"
    "        self.log('logged')\n"
    "        return Message(text=self.prompt)",
)


def test_messages_and_logs_of_isolated_code_appear_in_the_build_events(root: httpx2.Client) -> None:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    add_component(flow, "Own-o", SPEAKS, "out").edge("ChatInput-a", "message", "Own-o", "prompt")
    flow.edge("Own-o", "out", "ChatOutput-b", "input_value")
    flow_id = create_flow(root, flow.data)["id"]
    build = f"/api/v1/build/{flow_id}/flow?event_delivery=direct"
    with root.stream("POST", build, json={"inputs": {"input_value": "x", "session": "watched"}}) as answer:
        events = [json.loads(line) for line in answer.iter_lines() if line]
    assert "on the way" in [e["data"]["text"] for e in events if e["event"] == "add_message"]
    ended = [e["data"]["build_data"] for e in events if e["event"] == "end_vertex"]
    own_end = next(e for e in ended if e["id"] == "Own-o")
    assert "logged" in json.dumps(own_end["data"]["logs"])
    stored = root.get("/api/v1/monitor/messages", params={"session_id": "watched"}).json()
    assert "on the way" in [m["text"] for m in stored]


WAITS = component(
    "MessageTextInput(name='prompt')",
    "Output(name='out', method='wait')",
    "    def wait(self) -> Message:\n        import time\n        time.sleep(60)\n        return Message(text='late')",
)


def test_the_next_run_after_a_cancelled_one_uses_a_new_worker(root: httpx2.Client) -> None:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    add_component(flow, "Own-o", WAITS, "out").edge("ChatInput-a", "message", "Own-o", "prompt")
    flow.edge("Own-o", "out", "ChatOutput-b", "input_value")
    flow_id = create_flow(root, flow.data)["id"]
    job = root.post(f"/api/v1/build/{flow_id}/flow", json={"inputs": {"input_value": "x"}}).json()["job_id"]
    assert root.post(f"/api/v1/build/{job}/cancel").json()["success"] is True
    other = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    add_component(other, "Own-m", TOOL_MODE, "loud").edge("ChatInput-a", "message", "Own-m", "word")
    other.edge("Own-m", "loud", "ChatOutput-b", "input_value")
    assert answer_text(run_flow(root, create_flow(root, other.data)["id"], "well")) == "WELL"
