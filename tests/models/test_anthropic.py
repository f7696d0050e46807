"""What a caller asks of a model of Anthropic, in the form of Anthropic's protocol."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from headrace.app import create_app
from headrace.models.content import FilePart, ImagePart, TextPart, Turn
from headrace.models.model_request import ModelAnswer
from headrace.models.openai_chat.completion import ToolCall
from headrace.models.request_options import ClientTool, ModelOptions, NamedTool, ResponseFormat
from headrace.schema.token_usage import TokenUsage
from tests.conftest import settings_for
from tests.models.test_caller_options import ask, refusal, text_of
from tests.models.test_providers import language_model_flow
from tests.support.anthropic_server import anthropic_app
from tests.support.flow_builder import FlowBuilder
from tests.support.in_process import InProcessFlows, flows_of
from tests.support.model_server import KEY, digest_of
from tests.support.sample_files import PDF, PNG
from tests.support.server import serving

WEATHER = ClientTool("get_weather", "Return the weather.", {"type": "object", "properties": {"city": {}}})
CALL = ToolCall("toolu_1", "get_weather", '{"city": "Paris"}')


@dataclass(frozen=True)
class Anthropic:
    """The flows of an application, and the model server that they use."""

    flows: InProcessFlows
    server: FastAPI

    @property
    def body(self) -> dict[str, Any]:
        """The last request that the model server received."""
        return dict(self.server.state.body)


@pytest.fixture(scope="module")
def anthropic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anthropic]:
    folder: Path = tmp_path_factory.mktemp("anthropic")
    server = anthropic_app()
    with pytest.MonkeyPatch.context() as environment, serving(server) as address:
        environment.setenv("ANTHROPIC_BASE_URL", address)
        environment.setenv("ANTHROPIC_API_KEY", KEY)
        with flows_of(create_app(settings_for(folder, ssrf_protection_enabled=False))) as flows:
            yield Anthropic(flows, server)


def model_flow() -> dict[str, Any]:
    return language_model_flow("Anthropic", model_name="claude-haiku-4-5")


def agent_flow() -> dict[str, Any]:
    """Return a flow of a model, an agent that uses it, and Chat Output."""
    model = {"provider": "Anthropic", "model_name": "claude-haiku-4-5"}
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("LanguageModelComponent", "Model-m", **model)
        .node("ToolCallingAgent", "Agent-g", system_prompt="Be brief.")
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "Agent-g", "input_value")
        .edge("Agent-g", "response", "ChatOutput-b", "input_value")
        .edge("Model-m", "model_output", "Agent-g", "llm")
    )
    flow.data["edges"][-1]["data"]["sourceHandle"]["output_types"] = ["LanguageModel"]
    flow.data["edges"][-1]["data"]["targetHandle"]["inputTypes"] = ["LanguageModel"]
    return flow.data


@pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])
@pytest.mark.parametrize("flow", [model_flow(), agent_flow()], ids=["model", "agent"])
def test_options_and_usage_have_the_names_of_the_protocol(
    anthropic: Anthropic, flow: dict[str, Any], stream: bool
) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}
    options = ModelOptions(
        instructions="Be kind.",
        temperature=0.5,
        top_p=0.25,
        max_output_tokens=50,
        stop=("END",),
        response_format=ResponseFormat("json_schema", schema, "Number"),
    )
    result = ask(anthropic.flows, flow, options, "hello", stream=stream)
    assert text_of(result).strip() == "[Be brief.\n\nBe kind.] hello <50>"
    assert result.model_answer is not None
    assert result.model_answer.finish_reason == "stop"
    assert result.usage == TokenUsage(input_tokens=10, output_tokens=4, cached_tokens=3)
    body = anthropic.body
    expected = {"temperature": 0.5, "top_p": 0.25, "max_tokens": 50, "stop_sequences": ["END"]}
    assert {name: body.get(name) for name in expected} == expected
    assert body["output_config"]["format"]["schema"]["properties"] == schema["properties"]


def test_images_and_files_reach_the_model_byte_for_byte(anthropic: Anthropic) -> None:
    image = ImagePart(f"data:image/png;base64,{base64.b64encode(PNG).decode()}")
    pdf = FilePart("a.pdf", f"data:application/pdf;base64,{base64.b64encode(PDF).decode()}")
    options = ModelOptions(
        turns=(Turn("user", (image,)), Turn("assistant", (TextPart("ok"),))), attachments=(image, pdf)
    )
    answer = text_of(ask(anthropic.flows, model_flow(), options, "read"))
    assert f"read <image image/png {digest_of(PNG)}> <document application/pdf {digest_of(PDF)}>" in answer
    source = anthropic.body["messages"][0]["content"][0]["source"]
    assert base64.b64decode(source["data"]) == PNG


@pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])
@pytest.mark.parametrize("flow", [model_flow(), agent_flow()], ids=["model", "agent"])
def test_a_call_of_a_tool_of_the_caller_ends_the_run_and_its_result_continues_it(
    anthropic: Anthropic, flow: dict[str, Any], stream: bool
) -> None:
    options = ModelOptions(tools=(WEATHER,), tool_choice=NamedTool("get_weather"), parallel_tool_calls=False)
    result = ask(anthropic.flows, flow, options, "weather?", stream=stream)
    assert result.model_answer == ModelAnswer("tool_calls", (CALL,))
    choice = {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True}
    assert anthropic.body["tool_choice"] == choice
    turns = (
        Turn("user", (TextPart("weather?"),)),
        Turn("assistant", tool_calls=(CALL,)),
        Turn("tool", (TextPart("sunny"),), tool_call_id=CALL.id),
    )
    options = ModelOptions(tools=(WEATHER,), tool_choice="none", turns=turns)
    assert "sunny" in text_of(ask(anthropic.flows, flow, options, stream=stream))
    assert anthropic.body["tool_choice"] == {"type": "none"}


@pytest.mark.parametrize(
    "options",
    [
        ModelOptions(seed=1),
        ModelOptions(presence_penalty=1),
        ModelOptions(response_format=ResponseFormat("json_object")),
    ],
)
@pytest.mark.parametrize("flow", [model_flow(), agent_flow()], ids=["model", "agent"])
def test_options_that_the_protocol_lacks_are_rejected(
    anthropic: Anthropic, flow: dict[str, Any], options: ModelOptions
) -> None:
    error = refusal(anthropic.flows, flow, options)
    assert {error.option} == options.requested()
