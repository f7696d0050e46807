"""Errors below `/v1` have OpenAI's form and statuses; clients of Langflow get what Langflow sends."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx2
import openai
import pytest

from tests.support.flow_builder import echo_flow, model_flow
from tests.support.flows import create_flow
from tests.support.recording_model import RecordingModel
from tests.support.waiting import until

SDK_HEADER = {"x-stainless-lang": "python"}


def error_of(response: httpx2.Response) -> dict[str, Any]:
    assert set(response.json()) == {"error"}, response.text
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return error


def test_a_wrong_or_missing_key_is_a_401(server: str, sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError) as wrong:
        sdk.with_options(api_key="sk-wrong").models.list()
    assert wrong.value.code == "invalid_api_key"
    for headers in ({}, {"authorization": "Bearer sk-wrong"}, {"authorization": "Bearer nonsense"}, {"x-api-key": "x"}):
        for method, path in [("GET", "/v1/models"), ("POST", "/v1/responses"), ("GET", "/api/v1/models")]:
            denied = httpx2.request(method, f"{server}{path}", headers=headers)
            assert (denied.status_code, error_of(denied)["code"]) == (401, "invalid_api_key"), (headers, path)


def test_langflow_clients_keep_their_status_for_a_wrong_key(server: str) -> None:
    for path in ("/api/v1/responses", "/api/v1/run/any"):
        denied = httpx2.post(f"{server}{path}", headers={"x-api-key": "sk-wrong"}, json={})
        assert (denied.status_code, set(denied.json())) == (403, {"detail"}), path
    sdk_denied = httpx2.post(f"{server}/api/v1/responses", headers={"x-api-key": "sk-wrong", **SDK_HEADER}, json={})
    assert (sdk_denied.status_code, error_of(sdk_denied)["code"]) == (401, "invalid_api_key")


def test_unknown_routes_and_methods_have_the_envelope(client: httpx2.Client) -> None:
    for method, path, status in [
        ("GET", "/v1/no-such-route", 404),
        ("GET", "/v1", 404),
        ("POST", "/v1/audio/speech", 404),
        ("DELETE", "/v1/models", 405),
        ("GET", "/api/v1/responses/x/y", 404),
    ]:
        response = client.request(method, path, follow_redirects=True)
        assert response.status_code == status, (method, path)
        assert path in error_of(response)["message"]
    assert set(client.get("/api/v1/no-such-route").json()) == {"detail"}
    assert error_of(client.get("/api/v1/no-such-route", headers=SDK_HEADER))["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("path", "body", "param", "code"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]}, "model", "missing_required_parameter"),
        ("/v1/chat/completions", {"model": "m"}, "messages", "missing_required_parameter"),
        ("/v1/chat/completions", {"model": "m", "messages": []}, "messages", "invalid_value"),
        ("/v1/chat/completions", {"model": 5, "messages": [{"content": "x"}]}, "model", "invalid_value"),
        ("/v1/chat/completions", {"model": "m", "messages": [{"content": "x"}], "tempature": 1}, "tempature", "unknown_parameter"),
        ("/v1/chat/completions", {"model": "m", "messages": [{"content": "x", "foo": 1}]}, "messages[0].foo", "unknown_parameter"),
        ("/v1/chat/completions", {"model": "m", "messages": [{"content": "x"}], "temperature": 3}, "temperature", "invalid_value"),
        ("/v1/responses", {"input": "x"}, "model", "missing_required_parameter"),
        ("/v1/responses", {"model": "m", "input": "x", "foo": None}, "foo", "unknown_parameter"),
        ("/v1/embeddings", {"model": "m"}, "input", "missing_required_parameter"),
        ("/v1/conversations", {"foo": 1}, "foo", "unknown_parameter"),
    ],
)  # fmt: skip
def test_an_invalid_request_names_the_parameter(
    client: httpx2.Client, path: str, body: dict[str, Any], param: str, code: str
) -> None:
    response = client.post(path, json=body)
    assert response.status_code == 400, response.text
    error = error_of(response)
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)


def test_a_body_that_is_not_json_and_one_that_is_too_large(client: httpx2.Client) -> None:
    broken = client.post("/v1/responses", content=b"{", headers={"content-type": "application/json"})
    assert (broken.status_code, error_of(broken)["type"]) == (400, "invalid_request_error")
    large = client.post("/v1/responses", json={"model": "m", "input": "x" * 2_000_001})
    assert (large.status_code, error_of(large)["type"]) == (413, "invalid_request_error")


def test_a_missing_model_is_a_404(sdk: openai.OpenAI) -> None:
    for request in (
        lambda: sdk.responses.create(model="no-such-flow", input="x"),
        lambda: sdk.chat.completions.create(model="no-such-flow", messages=[{"role": "user", "content": "x"}]),
        lambda: sdk.embeddings.create(model="no-such-flow", input="x"),
        lambda: sdk.models.retrieve("no-such-flow"),
    ):
        with pytest.raises(openai.NotFoundError) as missing:
            request()
        assert (missing.value.code, missing.value.param) == ("model_not_found", "model")


def test_a_component_that_fails_is_a_server_error(client: httpx2.Client, sdk: openai.OpenAI, model_url: str) -> None:
    broken = create_flow(client, model_flow(model_url, "wrong key", stream=True))
    with pytest.raises(openai.InternalServerError, match="OpenAI"):
        sdk.responses.create(model=broken, input="x")
    with pytest.raises(openai.InternalServerError, match="OpenAI"):
        sdk.chat.completions.create(model=broken, messages=[{"role": "user", "content": "x"}])
    last = list(sdk.responses.create(model=broken, input="x", stream=True))[-1]
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert sdk.responses.retrieve(last.response.id).status == "failed"
    with pytest.raises(openai.APIError, match="OpenAI"):
        list(sdk.chat.completions.create(model=broken, messages=[{"role": "user", "content": "x"}], stream=True))


def test_the_sdk_does_not_repeat_a_run_that_failed(
    key: str, client: httpx2.Client, chat_flow: str, model: RecordingModel
) -> None:
    with openai.OpenAI(base_url=f"{client.base_url}/v1", api_key=key, max_retries=2) as sdk:
        with pytest.raises(openai.InternalServerError):
            sdk.responses.create(model=chat_flow, input="break down")
        with pytest.raises(openai.InternalServerError):
            sdk.chat.completions.create(model=chat_flow, messages=[{"role": "user", "content": "break down"}])
    assert len(model.bodies) == 2


def test_options_that_the_models_server_rejects_are_an_error_of_the_request(
    sdk: openai.OpenAI, chat_flow: str, model: RecordingModel
) -> None:
    with pytest.raises(openai.BadRequestError, match="I cannot do this"):
        sdk.responses.create(model=chat_flow, input="reject this", temperature=0.5)
    # Without options of the client, the flow is the cause.
    with pytest.raises(openai.InternalServerError, match="I cannot do this"):
        sdk.responses.create(model=chat_flow, input="reject this")
    assert len(model.bodies) == 2


@pytest.mark.parametrize("way", ["stream", "background"])
@pytest.mark.parametrize(
    ("text", "options", "code"),
    [("reject this", {"temperature": 0.5}, "invalid_prompt"), ("break down", {}, "server_error")],
)
def test_a_failed_response_has_the_code_of_its_error(
    client: httpx2.Client, sdk: openai.OpenAI, chat_flow: str, way: str, text: str, options: dict[str, Any], code: str
) -> None:
    body = {"model": chat_flow, "input": text, way: True, **options}
    response = client.post("/v1/responses", json=body)
    first = response.json() if way == "background" else json.loads(response.text.strip().rpartition("data: ")[2])
    response_id = first["id"] if way == "background" else first["response"]["id"]
    until(lambda: sdk.responses.retrieve(response_id).status == "failed")
    error = sdk.responses.retrieve(response_id).error
    assert error is not None
    assert error.code == code
    if way == "stream":
        assert first["response"]["error"]["code"] == code


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("stream", "true", "unsupported_parameter"),
        ("starting_after", "5", "unsupported_parameter"),
        ("include_obfuscation", "true", "unsupported_parameter"),
        ("tempature", "1", "unknown_parameter"),
    ],
)
def test_a_response_is_not_retrieved_with_a_parameter_without_effect(
    client: httpx2.Client, name: str, value: str, code: str
) -> None:
    flow = create_flow(client, echo_flow())
    stored = client.post("/v1/responses", json={"model": flow, "input": "x", "background": True}).json()
    refused = client.get(f"/v1/responses/{stored['id']}", params={name: value})
    assert refused.status_code == 400
    assert (error_of(refused)["param"], error_of(refused)["code"]) == (name, code)
    assert client.get(f"/v1/responses/{stored['id']}", params={"stream": "false"}).status_code == 200


def test_the_base_url_of_langflow_serves_the_same_routes(client: httpx2.Client, key: str) -> None:
    name = f"m-{uuid.uuid4().hex}"
    create_flow(client, echo_flow(), endpoint_name=name)
    with openai.OpenAI(base_url=f"{client.base_url}/api/v1", api_key=key, max_retries=0) as sdk:
        response = sdk.responses.create(model=name, input="hello")
        assert response.output_text == "hello"
        assert sdk.responses.retrieve(response.id).output_text == "hello"
        assert sdk.models.retrieve(name).id == name
        assert sdk.chat.completions.create(model=name, messages=[{"role": "user", "content": "x"}]).choices
        file = sdk.files.create(file=("a.txt", b"bytes"), purpose="user_data")
        assert sdk.files.content(file.id).read() == b"bytes"
        assert file.id in [f.id for f in sdk.files.list()]
        sdk.files.delete(file.id)
        conversation = sdk.conversations.create()
        assert sdk.responses.create(model=name, input="x", conversation=conversation.id).output_text == "x"
