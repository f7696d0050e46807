"""The log of a failed run quotes no text of its request."""

from __future__ import annotations

import logging
from uuid import uuid4

import pytest

from headrace.graph.errors import RunError
from headrace.models.content import AudioPart, FilePart, ImagePart, StoredPart, TextPart, Turn
from headrace.models.openai_chat.completion import ToolCall
from headrace.models.provider import ModelError
from headrace.models.request_options import ClientTool, ModelOptions, NamedTool, ResponseFormat
from headrace.runs.failure_log import log_failure
from headrace.runs.request import RunRequest

SCHEMA = {"type": "object", "properties": {"city": {"description": "secret place"}}}
CALL = ToolCall("call_secret", "secret_call", '{"city": "secret argument"}')

REQUESTS = {
    "secret input": RunRequest("secret input"),
    "secret.csv": RunRequest(files=("flow/secret.csv",)),
    "secret instructions": ModelOptions(instructions="secret instructions"),
    "secret end": ModelOptions(stop=("secret end",)),
    "secret text": ModelOptions(turns=(Turn("user", (TextPart("secret text"),)),)),
    "https://secret.example/a.png": ModelOptions(attachments=(ImagePart("https://secret.example/a.png"),)),
    "secret.pdf": ModelOptions(attachments=(FilePart("secret.pdf", "data:,x"),)),
    "data:,secretbytes": ModelOptions(attachments=(FilePart("a.pdf", "data:,secretbytes"),)),
    "secretsound": ModelOptions(turns=(Turn("user", (AudioPart("secretsound", "wav"),)),)),
    "secret.png": ModelOptions(attachments=(StoredPart("user/secret.png"),)),
    "secret_call": ModelOptions(turns=(Turn("assistant", (), (CALL,)),)),
    CALL.arguments: ModelOptions(turns=(Turn("assistant", (), (CALL,)),)),
    "call_secret": ModelOptions(turns=(Turn("tool", (TextPart("x"),), tool_call_id="call_secret"),)),
    "secret_tool": ModelOptions(tools=(ClientTool("secret_tool"),)),
    "secret purpose": ModelOptions(tools=(ClientTool("f", "secret purpose"),)),
    "secret place": ModelOptions(tools=(ClientTool("f", "", SCHEMA),)),
    "secret choice": ModelOptions(tool_choice=NamedTool("secret choice")),
    "secret form": ModelOptions(response_format=ResponseFormat("json_schema", {"title": "secret form"}, "f")),
}


@pytest.mark.parametrize(("text", "request_or_options"), REQUESTS.items(), ids=list(REQUESTS))
def test_a_text_of_the_request_is_not_logged(
    caplog: pytest.LogCaptureFixture, text: str, request_or_options: RunRequest | ModelOptions
) -> None:
    request = request_or_options
    if isinstance(request, ModelOptions):
        request = RunRequest(model_options=request)
    error = RunError("Model", "Model-m", "failed")
    error.__cause__ = ModelError(f"The model server answered 400: {text} is not valid.")
    with caplog.at_level(logging.WARNING, logger="headrace.runs.failure_log"):
        log_failure(error, uuid4(), request)
    assert "answered 400: [input] is not valid." in caplog.text
    assert text not in caplog.text


def test_the_latest_turns_of_a_long_conversation_are_removed(caplog: pytest.LogCaptureFixture) -> None:
    turns = tuple(Turn("user", (TextPart(f"message {n:05}"),)) for n in range(10_000))
    error = RunError("Model", "Model-m", "failed")
    error.__cause__ = ModelError("The model server answered 400: message 09999 is not valid.")
    with caplog.at_level(logging.WARNING, logger="headrace.runs.failure_log"):
        log_failure(error, uuid4(), RunRequest(model_options=ModelOptions(turns=turns)))
    assert "answered 400: [input] is not valid." in caplog.text
