"""Every parameter that OpenAI publishes is honoured, refused, or listed as one without effect."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from openai.types.embedding_create_params import EmbeddingCreateParams
from openai.types.file_create_params import FileCreateParams
from openai.types.responses.response_create_params import ResponseCreateParamsBase
from pydantic import BaseModel

from headrace.api.routers.openai.embeddings import EmbeddingRequest
from headrace.formats.openai.chat_request import ChatRequest
from headrace.formats.openai.parameters import (
    CHAT_PARAMETERS,
    EMBEDDING_PARAMETERS,
    FILE_PARAMETERS,
    RESPONSE_PARAMETERS,
    ParameterTable,
    Treatment,
)
from headrace.formats.openai.response_request import ResponseRequest
from tests.support.flow_builder import echo_flow
from tests.support.flows import create_flow
from tests.support.recording_model import RecordingModel

CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}]}
RESPONSE: dict[str, Any] = {"input": "hello"}


@pytest.mark.parametrize(
    ("table", "published", "request_model"),
    [
        (CHAT_PARAMETERS, CompletionCreateParamsBase, ChatRequest),
        (RESPONSE_PARAMETERS, ResponseCreateParamsBase, ResponseRequest),
        (EMBEDDING_PARAMETERS, EmbeddingCreateParams, EmbeddingRequest),
        (FILE_PARAMETERS, FileCreateParams, None),
    ],
)
def test_the_tables_cover_every_published_parameter(
    table: ParameterTable, published: Any, request_model: type[BaseModel] | None
) -> None:
    names = {*published.__annotations__, *({"stream"} if "messages" in table or "instructions" in table else ())}
    assert names == set(table)
    if request_model is not None:
        honoured = {n for n, p in table.items() if p.treatment in {Treatment.SERVER, Treatment.MODEL}}
        assert set(request_model.model_fields) == honoured


def _names(table: ParameterTable, treatment: Treatment) -> list[str]:
    return [name for name, parameter in table.items() if parameter.treatment is treatment]


REQUESTS = [
    *(("/v1/chat/completions", CHAT, n) for n in _names(CHAT_PARAMETERS, Treatment.REFUSED)),
    *(("/v1/responses", RESPONSE, n) for n in _names(RESPONSE_PARAMETERS, Treatment.REFUSED)),
]


@pytest.mark.parametrize(("path", "body", "name"), REQUESTS)
def test_a_refused_parameter_is_a_400_that_names_it(
    client: httpx2.Client, path: str, body: dict[str, Any], name: str
) -> None:
    response = client.post(path, json={"model": create_flow(client, echo_flow()), **body, name: "anything else"})
    assert response.status_code == 400, response.text
    assert response.json()["error"]["param"] in {name, None} and name in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "table", "body"),
    [("/v1/chat/completions", CHAT_PARAMETERS, CHAT), ("/v1/responses", RESPONSE_PARAMETERS, RESPONSE)],
)
def test_defaults_and_parameters_without_effect_are_accepted(
    client: httpx2.Client, path: str, table: ParameterTable, body: dict[str, Any]
) -> None:
    accepted: dict[str, Any] = {n: p.defaults[-1] for n, p in table.items() if p.defaults}
    accepted.pop("stream_options", None)
    accepted |= dict.fromkeys(_names(table, Treatment.NO_EFFECT), "anything")
    nulls = dict.fromkeys(_names(table, Treatment.REFUSED) + _names(table, Treatment.MODEL))
    flow = create_flow(client, echo_flow())
    for parameters in (accepted, nulls):
        response = client.post(path, json={"model": flow, **parameters, **body})
        assert response.status_code == 200, response.text


#: Option of a model → parameter of a chat completion, parameter of a response (None: no such parameter), key of the model's request.
MODEL_PARAMETERS: list[tuple[dict[str, Any] | None, dict[str, Any] | None, str, Any]] = [
    ({"temperature": 0.25}, {"temperature": 0.25}, "temperature", 0.25),
    ({"top_p": 0.5}, {"top_p": 0.5}, "top_p", 0.5),
    ({"stop": "end"}, None, "stop", ["end"]),
    ({"stop": ["a", "b"]}, None, "stop", ["a", "b"]),
    ({"seed": 7}, None, "seed", 7),
    ({"presence_penalty": 0.5}, None, "presence_penalty", 0.5),
    ({"frequency_penalty": -0.5}, None, "frequency_penalty", -0.5),
    ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}, "reasoning_effort", "low"),
]


@pytest.mark.parametrize("parameters", MODEL_PARAMETERS, ids=lambda p: p[2])
def test_the_flows_model_gets_a_parameter(
    client: httpx2.Client,
    chat_flow: str,
    model: RecordingModel,
    parameters: tuple[dict[str, Any] | None, dict[str, Any] | None, str, Any],
) -> None:
    chat, response, key, value = parameters
    for path, body, sent in (("/v1/chat/completions", CHAT, chat), ("/v1/responses", RESPONSE, response)):
        if sent is not None:
            answer = client.post(path, json={"model": chat_flow, **body, **sent})
            assert answer.status_code == 200, answer.text
            assert model.last[key] == value


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
def test_the_length_of_an_answer_is_limited_and_the_client_learns_that(
    client: httpx2.Client, chat_flow: str, model: RecordingModel, name: str
) -> None:
    is_response = name == "max_output_tokens"
    path, body = ("/v1/responses", RESPONSE) if is_response else ("/v1/chat/completions", CHAT)
    answer = client.post(path, json={"model": chat_flow, **body, name: 3}).json()
    assert 3 in {model.last.get("max_tokens"), model.last.get("max_completion_tokens")}
    if is_response:
        assert (answer["status"], answer["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    else:
        assert answer["choices"][0]["finish_reason"] == "length"


TOOL = {"name": "weather", "parameters": {"type": "object", "properties": {}}}
#: Values of parameters that a flow without a model cannot honour, with the name in the error.
UNSUPPORTED: list[tuple[str, dict[str, Any], str]] = [
    ("chat", {"temperature": 0.5}, "temperature"),
    ("chat", {"max_tokens": 5}, "max_tokens"),
    ("chat", {"max_completion_tokens": 5}, "max_completion_tokens"),
    ("chat", {"stop": "x"}, "stop"),
    ("chat", {"seed": 1}, "seed"),
    ("chat", {"tools": [{"type": "function", "function": TOOL}]}, "tools"),
    ("chat", {"response_format": {"type": "json_object"}}, "response_format"),
    ("chat", {"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "y"}]}, "messages"),
    ("chat", {"messages": [{"role": "assistant", "content": "x"}, {"role": "user", "content": "y"}]}, "messages"),
    ("responses", {"instructions": "x"}, "instructions"),
    ("responses", {"max_output_tokens": 5}, "max_output_tokens"),
    ("responses", {"text": {"format": {"type": "json_object"}}}, "text.format"),
    ("responses", {"reasoning": {"effort": "low"}}, "reasoning.effort"),
    ("responses", {"tools": [{"type": "function", **TOOL}]}, "tools"),
    ("responses", {"input": [{"role": "assistant", "content": "x"}, {"role": "user", "content": "y"}]}, "input"),
]


@pytest.mark.parametrize(("kind", "parameters", "name"), UNSUPPORTED)
@pytest.mark.parametrize("stream", [False, True])
def test_a_flow_without_a_model_refuses_what_it_cannot_honour(
    client: httpx2.Client, kind: str, parameters: dict[str, Any], name: str, stream: bool
) -> None:
    flow = create_flow(client, echo_flow())
    path, body = ("/v1/chat/completions", CHAT) if kind == "chat" else ("/v1/responses", RESPONSE)
    response = client.post(path, json={"model": flow, **body, **parameters, "stream": stream})
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert (error["param"], error["code"]) == (name, "unsupported_parameter")


@pytest.mark.parametrize(
    ("kind", "parameters", "name"),
    [
        ("chat", {"max_tokens": 5, "max_completion_tokens": 5}, "max_tokens"),
        ("chat", {"stream_options": {"include_usage": True}}, "stream_options"),
        ("chat", {"n": 2, "metadata": {"session_id": "s"}}, "n"),
        ("chat", {"n": 17}, "n"),
        ("chat", {"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
        ("chat", {"tools": [{"type": "function"}]}, "tools[0].function"),
        ("chat", {"tool_choice": "any"}, "tool_choice"),
        ("chat", {"response_format": {"type": "xml"}}, "response_format.type"),
        ("chat", {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, "response_format.schema"),
        ("chat", {"messages": [{"role": "oracle", "content": "x"}]}, "messages[0].role"),
        ("chat", {"messages": [{"role": "assistant", "content": "x"}]}, "messages"),
        ("chat", {"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ("chat", {"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages[0].content[0].type"),
        ("chat", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].image_url"),
        ("chat", {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc"}}]}]},
         "messages[0].content[0].image_url"),
        ("responses", {"background": True, "stream": True}, "background"),
        ("responses", {"background": True, "store": False}, "background"),
        ("responses", {"include": ["message.output_text.logprobs"]}, "include[0]"),
        ("responses", {"text": {"verbosity": "low"}}, "text.verbosity"),
        ("responses", {"text": {"tone": "low"}}, "text.tone"),
        ("responses", {"reasoning": {"summary": "auto"}}, "reasoning.summary"),
        ("responses", {"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ("responses", {"previous_response_id": "resp_unknown"}, "previous_response_id"),
        ("responses", {"input": [{"type": "item_reference", "id": "x"}]}, "input[0].id"),
        ("responses", {"input": [{"id": "msg_x"}]}, "input[0].id"),
        ("responses", {"input": [{"role": "user"}]}, "input[0].content"),
        ("responses", {"input": [{"type": "message", "id": "msg_x"}]}, "input[0].content"),
        ("responses", {"input": [{"type": "computer_call", "id": "x"}]}, "input[0].type"),
        ("responses", {"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        ("responses", {"metadata": {"k" * 65: "x"}}, None),
    ],
)  # fmt: skip
def test_a_value_that_is_not_valid_names_the_parameter(
    client: httpx2.Client, kind: str, parameters: dict[str, Any], name: str | None
) -> None:
    path, body = ("/v1/chat/completions", CHAT) if kind == "chat" else ("/v1/responses", RESPONSE)
    response = client.post(path, json={"model": create_flow(client, echo_flow()), **body, **parameters})
    assert response.status_code == 400, response.text
    if name is not None:
        assert response.json()["error"]["param"] == name


@pytest.mark.parametrize("kind", ["chat", "responses"])
def test_a_file_of_nobody_is_a_404(client: httpx2.Client, chat_flow: str, kind: str) -> None:
    file_id = f"file-{'0' * 32}"
    if kind == "chat":
        content = [{"type": "file", "file": {"file_id": file_id}}]
        response = client.post(
            "/v1/chat/completions", json={"model": chat_flow, "messages": [{"role": "user", "content": content}]}
        )
    else:
        items = [{"role": "user", "content": [{"type": "input_file", "file_id": file_id}]}]
        response = client.post("/v1/responses", json={"model": chat_flow, "input": items})
    assert response.status_code == 404
    assert file_id in response.json()["error"]["message"]
