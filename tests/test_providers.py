"""Model providers, against servers that speak their protocols."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from headrace.app import create_app
from headrace.models.provider import providers
from tests.conftest import PASSWORD, settings_for
from tests.flow_builder import FlowBuilder
from tests.model_server import KEY
from tests.server import serving


def anthropic_app() -> FastAPI:
    """A server of Anthropic's Messages API; takes its key in either of the two headers that clients send."""
    app = FastAPI()

    @app.post("/v1/messages")
    async def messages(request: Request) -> JSONResponse:
        if KEY not in {
            request.headers.get("x-api-key"),
            request.headers.get("authorization", "").removeprefix("Bearer "),
        }:
            return JSONResponse(
                {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}, 401
            )
        body = await request.json()
        said = body["messages"][-1]["content"]
        content = [{"type": "text", "text": f"[{body['system']}] {said} <{body['max_tokens']}>"}]
        usage = {"input_tokens": 1, "output_tokens": 1}
        return JSONResponse(
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": body["model"],
                "content": content,
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": usage,
            }
        )

    return app


def asking(provider: str, **values: Any) -> dict[str, Any]:
    return (
        FlowBuilder()
        .node("ChatInput", "ChatInput-a")
        .node(
            "LanguageModelComponent",
            "LanguageModelComponent-m",
            provider=provider,
            system_message="Be brief.",
            **values,
        )
        .node("ChatOutput", "ChatOutput-b")
        .edge("ChatInput-a", "message", "LanguageModelComponent-m", "input_value")
        .edge("LanguageModelComponent-m", "text_output", "ChatOutput-b", "input_value")
        .data
    )


def run(base: str, flow: dict[str, Any]) -> httpx2.Response:
    with httpx2.Client(base_url=base, timeout=30) as client:
        token = client.post("/api/v1/login", data={"username": "admin", "password": PASSWORD}).json()["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        flow_id = client.post("/api/v1/flows/", json={"name": str(uuid.uuid4()), "data": flow}, headers=headers).json()[
            "id"
        ]
        return client.post(f"/api/v1/run/{flow_id}", json={"input_value": "Hi"}, headers=headers)


def test_anthropic_answers_at_the_operators_address_with_the_environments_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(anthropic_app()) as models:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", models)
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        with serving(create_app(settings_for(tmp_path, ssrf_allowed_hosts=[]))) as base:
            answer = run(base, asking("Anthropic", model_name="claude-haiku-4-5"))
            assert answer.status_code == 200, answer.text
            assert answer.json()["outputs"][0]["outputs"][0]["artifacts"]["message"] == "[Be brief.] Hi <4096>"
            refused = run(base, asking("Anthropic", model_name="claude-haiku-4-5", api_key="sk-wrong"))
            assert refused.status_code == 500
            assert "invalid x-api-key" in refused.text


def test_ollama_is_asked_at_the_components_address(tmp_path: Path, model_url: str) -> None:
    with serving(create_app(settings_for(tmp_path))) as base:
        answer = run(
            base, asking("Ollama", model_name="llama3.2", api_key=KEY, ollama_base_url=model_url.removesuffix("/v1"))
        )
        assert answer.json()["outputs"][0]["outputs"][0]["artifacts"]["message"] == "[Be brief.] Hi"


def test_an_unknown_provider_and_a_missing_key_say_what_to_do(tmp_path: Path) -> None:
    with serving(create_app(settings_for(tmp_path))) as base:
        unknown = run(base, asking("Oracle of Delphi"))
        assert unknown.status_code == 500
        assert all(name in unknown.text for name in providers())
        assert "needs an API key" in run(base, asking("Anthropic", api_key="")).text


def test_a_server_secret_is_no_variable_of_a_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGFLOW_SUPERUSER_PASSWORD", "never shown")
    flow = asking("OpenAI", api_key="LANGFLOW_SUPERUSER_PASSWORD")
    flow["nodes"][1]["data"]["node"]["template"]["api_key"]["load_from_db"] = True
    with serving(create_app(settings_for(tmp_path))) as base:
        answer = run(base, flow)
    assert answer.status_code == 500
    assert "There is no variable 'LANGFLOW_SUPERUSER_PASSWORD'" in answer.json()["detail"]
    assert "never shown" not in answer.text
