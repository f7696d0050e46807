"""What a caller of a run asks of the model that writes the answer."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.app import create_app
from headrace.graph.errors import RunError
from headrace.graph.events import MessageEmitted, TokenEmitted
from headrace.graph.result import RunResult
from headrace.models.content import AudioPart, FilePart, ImagePart, Part, StoredPart, TextPart, Turn
from headrace.models.model_request import ModelAnswer
from headrace.models.openai_chat.completion import ToolCall
from headrace.models.request_options import (
    ClientTool,
    ModelOptions,
    NamedTool,
    ResponseFormat,
    UnsupportedOptionError,
)
from headrace.runs.request import RunRequest
from tests.components.test_agent import SIX, agent_flow
from tests.conftest import settings_for
from tests.support.flow_builder import FlowBuilder, echo_flow
from tests.support.in_process import InProcessFlows, flows_of
from tests.support.model_flows import flow_of
from tests.support.model_server import KEY, digest_of
from tests.support.sample_files import PDF, PNG

KINDS = ["LanguageModelComponent", "OpenAIModel", "Agent", "ToolCallingAgent"]
PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
WEATHER = ClientTool("get_weather", "Return the weather.", {"type": "object", "properties": {"city": {}}})
CALL = ToolCall("call_0_0", "get_weather", '{"city": "Paris"}')


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessFlows]:
    folder: Path = tmp_path_factory.mktemp("options")
    with flows_of(create_app(settings_for(folder, ssrf_protection_enabled=False))) as flows:
        yield flows


def ask(
    flows: InProcessFlows, data: dict[str, Any], options: ModelOptions, text: str = "", *, stream: bool = False
) -> RunResult:
    """Run a flow with options and return its result."""
    result = flows.run(data, RunRequest(text, model_options=options, stream=stream))[-1]
    assert isinstance(result, RunResult), result
    return result


def refusal(flows: InProcessFlows, data: dict[str, Any], options: ModelOptions) -> UnsupportedOptionError:
    """Run a flow and return the error for an option that it cannot honour."""
    error = flows.run(data, RunRequest("hello", model_options=options))[-1]
    assert isinstance(error, UnsupportedOptionError), error
    assert error.status_code == 400
    return error


def last_body(model_url: str) -> dict[str, Any]:
    """Return the last request that the model server received."""
    return dict(httpx2.get(model_url.removesuffix("/v1") + "/last-body").json())


def text_of(result: RunResult) -> str:
    return str(result.answers[0].outputs["message"].text)


@pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])
@pytest.mark.parametrize("kind", KINDS)
def test_options_reach_the_model_that_answers(flows: InProcessFlows, model_url: str, kind: str, stream: bool) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    options = ModelOptions(
        temperature=0.5,
        top_p=0.25,
        max_output_tokens=2,
        stop=("END",),
        seed=7,
        presence_penalty=0.5,
        frequency_penalty=-0.5,
        reasoning_effort="low",
        response_format=ResponseFormat("json_schema", schema, "Number", strict=True),
    )
    result = ask(flows, flow_of(kind, model_url), options, "say one two three", stream=stream)
    body = last_body(model_url)
    expected = {
        "temperature": 0.5,
        "top_p": 0.25,
        "max_tokens": 2,
        "stop": ["END"],
        "seed": 7,
        "presence_penalty": 0.5,
        "frequency_penalty": -0.5,
        "reasoning_effort": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "Number", "schema": schema, "strict": True},
        },
    }
    assert {name: body.get(name) for name in expected} == expected
    assert result.model_answer is not None
    assert (text_of(result), result.model_answer.finish_reason) == ("one two", "length")


@pytest.mark.parametrize("kind", KINDS)
def test_instructions_follow_those_of_the_flow_and_turns_precede_the_question(
    flows: InProcessFlows, model_url: str, kind: str
) -> None:
    field = "system_prompt" if "Agent" in kind else "system_message"
    options = ModelOptions(
        instructions="Be kind.",
        turns=(Turn("user", (TextPart("one"), ImagePart(PNG_URL, "low"))), Turn("assistant", (TextPart("two"),))),
        attachments=(ImagePart(PNG_URL),),
    )
    result = ask(flows, flow_of(kind, model_url, **{field: "Be brief."}), options, "three")
    assert last_body(model_url)["messages"] == [
        {"role": "system", "content": "Be brief.\n\nBe kind."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "one"},
                {"type": "image_url", "image_url": {"url": PNG_URL, "detail": "low"}},
            ],
        },
        {"role": "assistant", "content": "two"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "three"}, {"type": "image_url", "image_url": {"url": PNG_URL}}],
        },
    ]
    assert digest_of(PNG) in text_of(result)


@pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_call_of_a_tool_of_the_caller_ends_the_run_and_its_result_continues_it(
    flows: InProcessFlows, model_url: str, kind: str, stream: bool
) -> None:
    data, options = flow_of(kind, model_url), ModelOptions(tools=(WEATHER,))
    items = flows.run(data, RunRequest(f"call get_weather {CALL.arguments}", model_options=options, stream=stream))
    result = items[-1]
    assert isinstance(result, RunResult)
    assert result.model_answer == ModelAnswer("tool_calls", (CALL,))
    assert result.answers == []
    answers = [item.message for item in items if isinstance(item, MessageEmitted) and item.message.sender == "Machine"]
    assert all(message.properties.state == "partial" for message in answers)
    turns = (
        Turn("user", (TextPart("weather?"),)),
        Turn("assistant", tool_calls=(CALL,)),
        Turn("tool", (TextPart("sunny"),), tool_call_id=CALL.id),
    )
    continued = ask(flows, data, ModelOptions(tools=(WEATHER,), turns=turns), stream=stream)
    assert text_of(continued) == "sunny"
    assert last_body(model_url)["messages"][-2:] == [
        {"role": "assistant", "content": None, "tool_calls": [CALL.to_wire()]},
        {"role": "tool", "content": "sunny", "tool_call_id": CALL.id},
    ]


def test_an_agent_has_its_own_tools_and_those_of_the_caller(flows: InProcessFlows, model_url: str) -> None:
    data = agent_flow(model_url).data
    text = f"{SIX}\ncall get_weather {CALL.arguments}"
    result = ask(flows, data, ModelOptions(tools=(WEATHER,)), text)
    assert result.model_answer is not None
    assert [call.name for call in result.model_answer.tool_calls] == ["get_weather"]
    assert ["6" in m["content"] for m in last_body(model_url)["messages"] if m["role"] == "tool"] == [True]


def test_a_choice_of_a_tool_applies_to_the_first_answer_of_an_agent(flows: InProcessFlows, model_url: str) -> None:
    options = ModelOptions(tools=(WEATHER,), tool_choice="required", parallel_tool_calls=False)
    ask(flows, agent_flow(model_url).data, options, SIX)
    body = last_body(model_url)
    assert ("tool_choice" in body, body["parallel_tool_calls"]) == (False, False)
    ask(flows, flow_of("OpenAIModel", model_url), options, "hello")
    assert last_body(model_url)["tool_choice"] == "required"


@pytest.mark.parametrize(
    ("options", "option", "remedy"),
    [
        (ModelOptions(tools=(WEATHER, WEATHER)), "tools", "Rename"),
        (ModelOptions(tool_choice="required"), "tool_choice", "Send `tools`"),
        (
            ModelOptions(tools=(WEATHER,), tool_choice=NamedTool("other")),
            "tool_choice",
            "'other' of the choice does not exist",
        ),
        (ModelOptions(parallel_tool_calls=True), "parallel_tool_calls", "Send `tools`"),
    ],
)
def test_tools_that_contradict_each_other_are_rejected(
    flows: InProcessFlows, model_url: str, options: ModelOptions, option: str, remedy: str
) -> None:
    error = refusal(flows, flow_of("OpenAIModel", model_url), options)
    assert error.option == option
    assert remedy in error.message


@pytest.mark.parametrize(
    "options", [ModelOptions(temperature=0), ModelOptions(tools=(WEATHER,)), ModelOptions(instructions="Be kind.")]
)
def test_a_flow_without_a_model_cannot_honour_options(flows: InProcessFlows, options: ModelOptions) -> None:
    error = refusal(flows, echo_flow(), options)
    assert {error.option} == options.requested()
    assert "No chat model writes the answer" in error.message


def test_options_without_a_value_need_no_model(flows: InProcessFlows) -> None:
    result = ask(flows, echo_flow(), ModelOptions(), "hello")
    assert (text_of(result), result.model_answer) == ("hello", ModelAnswer())


def test_options_apply_to_the_last_model_alone(flows: InProcessFlows, model_url: str) -> None:
    model = {"openai_api_base": model_url, "api_key": KEY, "max_retries": 0}
    flow = (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node("OpenAIModel", "OpenAIModel-1", **model)
        .node("OpenAIModel", "OpenAIModel-2", **model, system_message="Repeat.")
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "OpenAIModel-1", "input_value")
        .edge("OpenAIModel-1", "text_output", "OpenAIModel-2", "input_value")
        .edge("OpenAIModel-2", "text_output", "ChatOutput-b", "input_value")
    )
    result = ask(flows, flow.data, ModelOptions(max_output_tokens=3), "say one two three four")
    assert text_of(result) == "[Repeat.] one two"


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (FilePart("a.pdf", f"data:application/pdf;base64,{base64.b64encode(PDF).decode()}"), "kind 'file'"),
        (AudioPart("UklGRg==", "wav"), "kind 'audio'"),
    ],
)
def test_content_that_the_provider_does_not_take_is_rejected(
    flows: InProcessFlows, model_url: str, part: Part, message: str
) -> None:
    error = refusal(flows, flow_of("LanguageModelComponent", model_url), ModelOptions(attachments=(part,)))
    assert error.option == "attachments"
    assert message in error.message


def test_files_and_recordings_of_the_caller_reach_the_model(flows: InProcessFlows, model_url: str) -> None:
    pdf = FilePart("a.pdf", f"data:application/pdf;base64,{base64.b64encode(PDF).decode()}")
    note = FilePart("note.txt", f"data:text/plain;base64,{base64.b64encode(b'a note').decode()}")
    options = ModelOptions(attachments=(pdf, note, AudioPart(base64.b64encode(b"sound").decode(), "wav")))
    answer = text_of(ask(flows, flow_of("OpenAIModel", model_url), options, "read"))
    assert f"<file a.pdf application/pdf;base64 {digest_of(PDF)}>" in answer
    assert "File note.txt:\n\na note" in answer
    assert f"<audio wav {digest_of(b'sound')}>" in answer


def test_a_reasoning_model_rejects_sampling_options_of_the_caller(flows: InProcessFlows, model_url: str) -> None:
    data = flow_of("OpenAIModel", model_url, model_name="o3")
    assert refusal(flows, data, ModelOptions(temperature=0.2)).option == "temperature"
    ask(flows, data, ModelOptions(temperature=1, max_output_tokens=50), "hello")
    assert "temperature" not in last_body(model_url)
    assert last_body(model_url)["max_completion_tokens"] == 50


def test_the_tokens_of_a_streamed_answer_arrive_before_its_calls(flows: InProcessFlows, model_url: str) -> None:
    items = flows.run(
        flow_of("OpenAIModel", model_url), RunRequest("say one two", model_options=ModelOptions(), stream=True)
    )
    assert [item.chunk for item in items if isinstance(item, TokenEmitted)] == ["one ", "two"]


def test_the_url_of_an_image_cannot_name_a_file_of_the_model_server(flows: InProcessFlows, model_url: str) -> None:
    options = ModelOptions(attachments=(ImagePart("file:///etc/passwd"),))
    error = flows.run(flow_of("OpenAIModel", model_url), RunRequest("look", model_options=options))[-1]
    assert isinstance(error, RunError)
    assert "must start with https://" in error.message


def test_a_missing_file_of_an_earlier_turn_is_mentioned(flows: InProcessFlows, model_url: str) -> None:
    options = ModelOptions(turns=(Turn("user", (TextPart("look"), StoredPart("nobody/missing.png"))),))
    ask(flows, flow_of("OpenAIModel", model_url), options, "now")
    assert "'missing.png' does not exist any more" in last_body(model_url)["messages"][0]["content"]


def test_a_file_whose_base64_has_other_characters_is_an_error_with_its_name(
    flows: InProcessFlows, model_url: str
) -> None:
    options = ModelOptions(attachments=(FilePart("note.txt", "data:text/plain;base64,höhö"),))
    error = flows.run(flow_of("OpenAIModel", model_url), RunRequest("read", model_options=options))[-1]
    assert isinstance(error, RunError)
    assert "file 'note.txt' is not valid base64" in error.message
