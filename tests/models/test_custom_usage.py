"""The tokens of models in custom components count like those of the server's own models."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx2
import pytest

from tests.isolation.test_crossing import add_component
from tests.models.test_usage import USAGE
from tests.support.custom_code import People, create_flow, flow_with_code, isolation, lenient_server, people
from tests.support.flow_builder import FlowBuilder
from tests.support.model_server import KEY

__all__ = ["isolation", "lenient_server", "people"]

MODEL = """
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from lfx.base.models.model import LCModelComponent
from lfx.custom.custom_component.component import Component
from lfx.field_typing import LanguageModel
from lfx.io import MessageTextInput, Output
from lfx.schema.message import Message

USAGE = {
    "input_tokens": 7,
    "output_tokens": 2,
    "total_tokens": 9,
    "input_token_details": {"cache_read": 3},
    "output_token_details": {"reasoning": 1},
}


class Counting(BaseChatModel):
    @property
    def _llm_type(self):
        return "counting"

    def bind_tools(self, tools, **options):
        return self

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        return ChatResult(generations=[ChatGeneration(message=AIMessage("one two", usage_metadata=USAGE))])

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        yield ChatGenerationChunk(message=AIMessageChunk("one "))
        yield ChatGenerationChunk(message=AIMessageChunk("two", usage_metadata=USAGE))
"""
KINDS = {
    "component": """
class Model(LCModelComponent):
    display_name = "Counting"
    inputs = [*LCModelComponent._base_inputs]
    def build_model(self) -> LanguageModel:
        return Counting()
""",
    "invoke": """
class Model(Component):
    inputs = [MessageTextInput(name="input_value")]
    outputs = [Output(name="text_output", method="answer")]
    def answer(self) -> Message:
        return Message(text=Counting().invoke("x").content)
""",
    "ainvoke": """
class Model(Component):
    inputs = [MessageTextInput(name="input_value")]
    outputs = [Output(name="text_output", method="answer")]
    async def answer(self) -> Message:
        return Message(text=(await Counting().ainvoke("x")).content)
""",
    "astream": """
class Model(Component):
    inputs = [MessageTextInput(name="input_value")]
    outputs = [Output(name="text_output", method="answer")]
    async def answer(self) -> Message:
        return Message(text="".join([chunk.content async for chunk in Counting().astream("x")]))
""",
}
#: A component that calls the model of another one.
ASKS = """
from lfx.custom import Component
from lfx.io import HandleInput, MessageTextInput, Output
from lfx.schema.message import Message


class Own(Component):
    inputs = [MessageTextInput(name="prompt"), HandleInput(name="llm", input_types=["LanguageModel"])]
    outputs = [Output(name="out", method="ask")]
    async def ask(self) -> Message:
        return Message(text=ANSWER)
"""
EMBEDDERS = {
    "record": """
from lfx.schema.data import Data
class Own(Component):
    inputs = [MessageTextInput(name="text")]
    outputs = [Output(name="out", method="embed")]
    def embed(self) -> Data:
        return Data(text=Counting().invoke(self.text).content, embedding=[1.0])
""",
    "embed": """
from langchain_core.embeddings import Embeddings
from lfx.base.embeddings.model import LCEmbeddingsModel
class Described(Embeddings):
    def embed_query(self, text):
        return [float(len(Counting().invoke(text).content))]
    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]
class Own(LCEmbeddingsModel):
    outputs = [Output(name="out", method="build_embeddings")]
    def build_embeddings(self) -> Embeddings:
        return Described()
""",
}
EXPECTED = {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9, "cached_tokens": 3, "reasoning_tokens": 1}


def run(client: httpx2.Client, flow: str, *, stream: bool) -> dict[str, Any]:
    params, body = {"stream": str(stream).lower()}, {"input_value": "say", "session_id": str(uuid.uuid4())}
    answer = client.post(f"/api/v1/run/{flow}", params=params, json=body)
    assert answer.status_code == 200, answer.text
    return dict(json.loads(answer.text.strip().split("\n\n")[-1])["data"]["result"] if stream else answer.json())


STREAM = pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])


def usages(answer: dict[str, Any]) -> list[Any]:
    """Return the usage of a run and that of its message."""
    message = answer["outputs"][0]["outputs"][0]["results"]["message"]
    return [answer.get("usage"), message["properties"]["usage"]]


@STREAM
@pytest.mark.parametrize("kind", KINDS)
def test_the_tokens_of_a_model_that_custom_code_calls_are_counted(people: People, kind: str, stream: bool) -> None:
    flow = create_flow(people.root, flow_with_code(MODEL + KINDS[kind], "Model", ("text_output",)))["id"]
    answer = run(people.root, flow, stream=stream)
    assert usages(answer) == [EXPECTED, EXPECTED]
    stored = people.root.get("/api/v1/monitor/messages", params={"session_id": answer["session_id"]}).json()
    assert [m["properties"]["usage"] for m in stored if m["sender"] == "Machine"] == [EXPECTED]
    body = {"inputs": {"input_value": "say"}}
    built = people.root.post(f"/api/v1/build/{flow}/flow", params={"event_delivery": "direct"}, json=body)
    events = [json.loads(line) for line in built.text.strip().split("\n\n")]
    ended = [event["data"]["build_data"] for event in events if event["event"] == "end_vertex"]
    assert {data["id"]: data["data"].get("usage") for data in ended}["Model-c"] == EXPECTED


@STREAM
def test_the_tokens_of_a_model_that_custom_code_returns_count_for_the_component_that_calls_it(
    people: People, stream: bool
) -> None:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    flow.node("CalculatorComponent", "Calculator-c").node("ToolCallingAgent", "Agent-g")
    add_component(flow, "Own-o", MODEL + KINDS["component"], "model_output")
    flow.edge("ChatInput-a", "message", "Agent-g", "input_value").edge("Own-o", "model_output", "Agent-g", "llm")
    flow.edge("Calculator-c", "component_as_tool", "Agent-g", "tools")
    flow.edge("Agent-g", "response", "ChatOutput-b", "input_value")
    assert usages(run(people.root, create_flow(people.root, flow.data)["id"], stream=stream)) == [EXPECTED, EXPECTED]


@pytest.mark.parametrize(
    "call",
    [
        '(await self.llm.ainvoke("say one two")).text',
        '"".join([c.text async for c in self.llm.astream("say one two")])',
    ],
    ids=["complete", "streamed"],
)
def test_the_tokens_of_a_built_in_model_that_custom_code_calls_are_counted_once(
    people: People, model_url: str, call: str
) -> None:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a").node("ChatOutput", "ChatOutput-b")
    flow.node("OpenAIModel", "OpenAIModel-m", openai_api_base=model_url, api_key=KEY, max_retries=0)
    add_component(flow, "Own-o", ASKS.replace("ANSWER", call), "out").edge("ChatInput-a", "message", "Own-o", "prompt")
    flow.edge("OpenAIModel-m", "model_output", "Own-o", "llm").edge("Own-o", "out", "ChatOutput-b", "input_value")
    assert usages(run(people.root, create_flow(people.root, flow.data)["id"], stream=False)) == [USAGE, USAGE]


@pytest.mark.parametrize("kind", ["embed", "record"])
def test_the_tokens_of_the_models_of_a_flow_are_the_usage_of_its_embeddings(people: People, kind: str) -> None:
    flow = FlowBuilder().node("ChatInput", "ChatInput-a") if kind == "record" else FlowBuilder()
    add_component(flow, "Own-o", MODEL + EMBEDDERS[kind], "out")
    if kind == "record":
        flow.edge("ChatInput-a", "message", "Own-o", "text")
    flow_id = create_flow(people.root, flow.data)["id"]
    answer = people.root.post("/v1/embeddings", json={"model": flow_id, "input": ["one", "two"]})
    assert (answer.status_code, answer.json().get("usage")) == (200, {"prompt_tokens": 14, "total_tokens": 14})
