"""Images and files in messages, as they reach the model."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.app import create_app
from tests.conftest import PASSWORD, settings_for
from tests.support.clients import log_in, signed_in
from tests.support.flow_builder import FlowBuilder
from tests.support.flows import create_flow
from tests.support.model_flows import flow_of
from tests.support.model_server import digest_of
from tests.support.sample_files import PDF, PNG

IMAGE = f"<image image/png;base64 {digest_of(PNG)}>"


def upload(client: httpx2.Client, name: str, content: bytes, flow_id: str | None = None) -> str:
    """Upload a file to a flow, or to the user's own files, and return its path."""
    url = f"/api/v1/files/upload/{flow_id}" if flow_id else "/api/v2/files"
    answer = client.post(url, files={"file": (name, content)})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["file_path" if flow_id else "path"])


def run_with_files(
    client: httpx2.Client, flow_id: str, files: Any, *, stream: bool = False, text: str = "look", session: str = ""
) -> httpx2.Response:
    body = {
        "input_value": text,
        "session_id": session or str(uuid.uuid4()),
        "tweaks": {"ChatInput-a": {"files": files}},
    }
    return client.post(f"/api/v1/run/{flow_id}", params={"stream": str(stream).lower()}, json=body)


def text_of_answer(answer: httpx2.Response, *, stream: bool = False) -> str:
    assert answer.status_code == 200, answer.text
    body = answer.json() if not stream else json.loads(answer.text.strip().split("\n\n")[-1])["data"]["result"]
    return str(body["outputs"][0]["outputs"][0]["results"]["message"]["text"])


@pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])
@pytest.mark.parametrize("kind", ["LanguageModelComponent", "OpenAIModel", "Agent", "ToolCallingAgent"])
def test_an_image_reaches_the_model_byte_for_byte(
    client: httpx2.Client, model_url: str, kind: str, stream: bool
) -> None:
    flow = create_flow(client, flow_of(kind, model_url))
    for path in (upload(client, "dot.png", PNG, flow), upload(client, "dot.png", PNG)):
        answer = run_with_files(client, flow, [path], stream=stream)
        assert text_of_answer(answer, stream=stream).endswith(f"look {IMAGE}")


def test_one_path_in_a_tweak_is_a_file_too(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, flow_of("OpenAIModel", model_url))
    assert IMAGE in text_of_answer(run_with_files(client, flow, upload(client, "dot.png", PNG)))


def test_a_message_of_files_alone_reaches_the_model(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, flow_of("OpenAIModel", model_url))
    answer = run_with_files(client, flow, [upload(client, "dot.png", PNG)], text="")
    assert text_of_answer(answer).endswith(IMAGE)


def test_the_files_of_a_build_reach_the_model(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, flow_of("OpenAIModel", model_url))
    body = {"inputs": {"input_value": "look"}, "files": [upload(client, "dot.png", PNG, flow)]}
    answer = client.post(f"/api/v1/build/{flow}/flow", params={"event_delivery": "direct"}, json=body)
    assert digest_of(PNG) in answer.text


def test_a_prompt_passes_the_files_of_its_messages_on(client: httpx2.Client, model_url: str) -> None:
    flow = FlowBuilder()
    flow.data = flow_of("OpenAIModel", model_url)
    flow.data["edges"] = [edge for edge in flow.data["edges"] if edge["target"] != "Model-m"]
    flow.node("Prompt Template", "Prompt-p", template="Describe {it}", it="")
    flow.edge("ChatInput-a", "message", "Prompt-p", "it").edge("Prompt-p", "prompt", "Model-m", "input_value")
    answer = run_with_files(client, create_flow(client, flow.data), [upload(client, "dot.png", PNG)])
    assert text_of_answer(answer).endswith(f"Describe look {IMAGE}")


def test_a_text_file_reaches_the_model_as_text_and_a_pdf_as_a_file(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, flow_of("OpenAIModel", model_url))
    note = f"note {uuid.uuid4()}"
    answer = run_with_files(client, flow, [upload(client, "note.txt", note.encode()), upload(client, "a.pdf", PDF)])
    text = text_of_answer(answer)
    assert note in text
    assert f"application/pdf;base64 {digest_of(PDF)}>" in text


def test_a_file_that_no_model_reads_is_an_error_with_its_name(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, flow_of("OpenAIModel", model_url))
    path = upload(client, "archive.zip", b"PK\x03\x04\0\0")
    answer = run_with_files(client, flow, [path])
    assert answer.status_code == 500
    assert f"cannot read the file '{path.rpartition('/')[2]}'" in answer.json()["detail"]


def test_a_provider_without_files_says_so(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, flow_of("LanguageModelComponent", model_url))
    answer = run_with_files(client, flow, [upload(client, "a.pdf", PDF)])
    assert "The provider Ollama takes no content of the kind 'file'" in answer.json()["detail"]


@pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])
def test_a_missing_file_is_an_error_that_names_it(client: httpx2.Client, model_url: str, stream: bool) -> None:
    flow = create_flow(client, flow_of("OpenAIModel", model_url))
    answer = run_with_files(client, flow, [f"{flow}/missing.png"], stream=stream)
    if stream:
        assert json.loads(answer.text.strip().split("\n\n")[-1])["event"] == "error"
    else:
        assert answer.status_code == 404
    assert "missing.png' does not exist" in answer.text


def test_a_file_of_another_user_is_missing(client: httpx2.Client, model_url: str, server: str) -> None:
    path = upload(client, "secret.png", PNG)
    name = f"user-{uuid.uuid4().hex}"
    user = client.post("/api/v1/users/", json={"username": name, "password": PASSWORD}).json()
    client.patch(f"/api/v1/users/{user['id']}", json={"is_active": True})
    with httpx2.Client(base_url=server, headers=log_in(server, name), timeout=30) as other:
        flow = create_flow(other, flow_of("OpenAIModel", model_url))
        answer = run_with_files(other, flow, [path])
    assert answer.status_code == 404
    assert digest_of(PNG) not in answer.text


def test_a_file_that_is_too_large_to_read_is_rejected(tmp_path: Path, model_url: str) -> None:
    with signed_in(create_app(settings_for(tmp_path, max_file_read_bytes=100_000))) as client:
        flow = create_flow(client, flow_of("OpenAIModel", model_url))
        answer = run_with_files(client, flow, [upload(client, "large.png", PNG + bytes(200_000))])
    assert answer.status_code == 413
    assert "HEADRACE_MAX_FILE_READ_BYTES" in answer.text


def test_more_files_than_allowed_are_rejected(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, flow_of("OpenAIModel", model_url))
    answer = run_with_files(client, flow, [f"{flow}/{n}.png" for n in range(101)])
    assert answer.status_code == 400
    assert "at most 100" in answer.text


def test_the_files_of_a_run_count_against_its_memory(tmp_path: Path, model_url: str) -> None:
    with signed_in(create_app(settings_for(tmp_path, max_run_bytes=10_000_000))) as client:
        flow = create_flow(client, flow_of("OpenAIModel", model_url))
        answer = run_with_files(client, flow, [upload(client, "large.png", PNG + bytes(6_000_000))])
    assert "HEADRACE_MAX_RUN_BYTES" in answer.text


def test_earlier_turns_of_an_agent_keep_their_images(client: httpx2.Client, model_url: str) -> None:
    flow = create_flow(client, flow_of("Agent", model_url))
    session, path = str(uuid.uuid4()), upload(client, "dot.png", PNG)
    run_with_files(client, flow, [path], session=session)
    run_with_files(client, flow, [], text="and now", session=session)
    messages = httpx2.get(model_url.removesuffix("/v1") + "/last-body").json()["messages"]
    earlier = next(m for m in messages if m["role"] == "user")
    assert [part["type"] for part in earlier["content"]] == ["text", "image_url"]
    assert client.request("DELETE", f"/api/v2/files/{file_id(client, path)}").status_code == 200
    answer = run_with_files(client, flow, [], text="once more", session=session)
    assert text_of_answer(answer).endswith("once more")
    messages = httpx2.get(model_url.removesuffix("/v1") + "/last-body").json()["messages"]
    assert "does not exist any more" in next(m for m in messages if m["role"] == "user")["content"]


def file_id(client: httpx2.Client, path: str) -> str:
    return next(str(file["id"]) for file in client.get("/api/v2/files").json() if file["path"] == path)


def test_a_prompt_with_the_message_history_brings_its_images(client: httpx2.Client, model_url: str) -> None:
    flow = FlowBuilder()
    flow.data = flow_of("OpenAIModel", model_url)
    flow.node("Memory", "Memory-h").node("Prompt Template", "Prompt-p", template="Earlier: {history}", history="")
    flow.edge("Memory-h", "messages_text", "Prompt-p", "history")
    flow.edge("Prompt-p", "prompt", "Model-m", "system_message")
    flow_id, session = create_flow(client, flow.data), str(uuid.uuid4())
    run_with_files(client, flow_id, [upload(client, "dot.png", PNG)], session=session)
    assert IMAGE in text_of_answer(run_with_files(client, flow_id, [], text="and now", session=session))
