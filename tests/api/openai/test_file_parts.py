"""Parts with files in messages of every role, and in items of conversations whose file was deleted."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest

from tests.support.recording_model import RecordingModel


def part_of(kind: str, file_id: str) -> dict[str, Any]:
    """Return a part with an uploaded file."""
    return {"type": "file", "file": {"file_id": file_id}} if kind == "file" else {"type": kind, "file_id": file_id}


@pytest.mark.parametrize("kind", ["file", "input_file", "input_image"])
def test_a_file_in_a_message_of_another_role_is_refused(
    client: httpx2.Client, sdk: openai.OpenAI, chat_flow: str, kind: str
) -> None:
    content = [part_of(kind, sdk.files.create(file=("a.txt", b"text"), purpose="user_data").id)]
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    user = {"role": "user", "content": "x"}
    chats: list[list[dict[str, Any]]] = [
        [{"role": "system", "content": content}, user],
        [{"role": "assistant", "content": content}, user],
        [user, {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "c", "content": content}],
    ]
    inputs: list[list[dict[str, Any]]] = [
        *chats[:2],
        [{"type": "function_call_output", "call_id": "c", "output": content}],
        [{"type": "mcp_call", "id": "c", "name": "f", "output": content}],
    ]
    requests: list[tuple[str, dict[str, Any]]] = [
        ("/v1/chat/completions", {"model": chat_flow, "messages": chat}) for chat in chats
    ]
    requests += [("/v1/responses", {"model": chat_flow, "input": items}) for items in inputs]
    requests += [("/v1/conversations", {"items": items}) for items in inputs]
    for path, body in requests:
        response = client.post(path, json=body)
        assert response.status_code == 400, (path, body, response.text)
        error = response.json()["error"]
        assert error["code"] == "unsupported_parameter"
        assert error["param"].endswith(".file_id"), (path, body, error)


@pytest.mark.parametrize("kind", ["file", "input_file", "input_image"])
def test_a_conversation_goes_on_without_a_file_that_was_deleted(
    sdk: openai.OpenAI, chat_flow: str, model: RecordingModel, kind: str
) -> None:
    file_id = sdk.files.create(file=("a.txt", b"the note"), purpose="user_data").id
    items: Any = [{"role": "user", "content": [{"type": "input_text", "text": "see"}, part_of(kind, file_id)]}]
    conversation = sdk.conversations.create(items=items)
    sdk.responses.create(model=chat_flow, input="one", conversation=conversation.id)
    assert "the note" in json.dumps(model.last["messages"])
    sdk.files.delete(file_id)
    sdk.responses.create(model=chat_flow, input="two", conversation=conversation.id)
    assert model.last["messages"][1]["content"] == "see"


@pytest.mark.parametrize(
    "url",
    ["https://10.0.0.5/a.png", "https://localhost/a.png", "https://[::1]/a.png", "https://169.254.169.254/a.png"],
)
def test_a_model_server_is_not_asked_to_fetch_an_image_from_a_private_address(
    client: httpx2.Client, chat_flow: str, model: RecordingModel, url: str
) -> None:
    chat = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]
    items = [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]
    for path, body in (("chat/completions", {"messages": chat}), ("responses", {"input": items})):
        response = client.post(f"/v1/{path}", json={"model": chat_flow, **body})
        assert response.status_code == 400, path
        assert "LANGFLOW_SSRF_ALLOWED_HOSTS" in response.json()["error"]["message"]
    assert model.bodies == []


def test_the_url_of_an_image_that_is_public_reaches_the_model(
    client: httpx2.Client, chat_flow: str, model: RecordingModel
) -> None:
    url = "https://example.com/a.png"
    chat = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]
    assert client.post("/v1/chat/completions", json={"model": chat_flow, "messages": chat}).status_code == 200
    assert model.last["messages"][-1]["content"][0]["image_url"]["url"] == url


@pytest.mark.parametrize("url", ["http://example.com/a.png", "file:///etc/passwd", "data:text/html,x"])
def test_the_url_of_an_image_is_https_or_has_the_image(
    client: httpx2.Client, chat_flow: str, model: RecordingModel, url: str
) -> None:
    items = [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]
    response = client.post("/v1/responses", json={"model": chat_flow, "input": items})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "input[0].content[0].image_url")
    assert model.bodies == []


def test_the_url_of_a_file_is_refused_before_the_run(
    client: httpx2.Client, chat_flow: str, model: RecordingModel
) -> None:
    items = [{"role": "user", "content": [{"type": "input_file", "file_url": "https://example.com/a.pdf"}]}]
    response = client.post("/v1/responses", json={"model": chat_flow, "input": items})
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, "input[0].content[0].file_url")
    assert "file_data" in error["message"]
    assert model.bodies == []


@pytest.mark.parametrize("data", ["data:application/zip;base64,UEsDBAAA", "data:text/plain;base64,h\u00f6h\u00f6", "!"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_file_that_no_model_reads_is_an_error_of_the_request(
    client: httpx2.Client, chat_flow: str, model: RecordingModel, data: str, stream: bool
) -> None:
    part = {"type": "file", "file": {"file_data": data, "filename": "a.bin"}}
    body = {"model": chat_flow, "messages": [{"role": "user", "content": [part]}], "stream": stream}
    response = client.post("/v1/chat/completions", json=body)
    if stream:
        lines = [line for line in response.text.split("\n\n") if '"error"' in line]
        error = json.loads(lines[0].removeprefix("data: "))["error"]
    else:
        assert response.status_code == 400, response.text
        error = response.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", "messages")
    assert "'a.bin'" in error["message"]
    assert model.bodies == []
