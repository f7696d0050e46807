"""Model providers, against servers that speak their protocols."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.app import create_app
from headrace.models.provider import providers
from tests.conftest import PASSWORD, settings_for
from tests.support.anthropic_server import anthropic_app
from tests.support.flow_builder import FlowBuilder
from tests.support.model_server import KEY
from tests.support.server import serving


def language_model_flow(provider: str, **values: Any) -> dict[str, Any]:
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


def run_flow(base: str, flow: dict[str, Any]) -> httpx2.Response:
    with httpx2.Client(base_url=base, timeout=30) as client:
        token = client.post("/api/v1/login", data={"username": "admin", "password": PASSWORD}).json()["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        flow_id = client.post("/api/v1/flows/", json={"name": str(uuid.uuid4()), "data": flow}, headers=headers).json()[
            "id"
        ]
        return client.post(f"/api/v1/run/{flow_id}", json={"input_value": "Hi"}, headers=headers)


def test_anthropic_uses_base_url_and_key_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(anthropic_app()) as models:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", models)
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        with serving(create_app(settings_for(tmp_path, ssrf_allowed_hosts=[]))) as base:
            answer = run_flow(base, language_model_flow("Anthropic", model_name="claude-haiku-4-5"))
            assert answer.status_code == 200, answer.text
            assert answer.json()["outputs"][0]["outputs"][0]["artifacts"]["message"] == "[Be brief.] Hi <4096>"
            refused = run_flow(
                base, language_model_flow("Anthropic", model_name="claude-haiku-4-5", api_key="sk-wrong")
            )
            assert refused.status_code == 500
            assert "invalid x-api-key" in refused.text


def test_ollama_uses_the_base_url_of_the_component(tmp_path: Path, model_url: str) -> None:
    with serving(create_app(settings_for(tmp_path))) as base:
        answer = run_flow(
            base,
            language_model_flow(
                "Ollama", model_name="llama3.2", api_key=KEY, ollama_base_url=model_url.removesuffix("/v1")
            ),
        )
        assert answer.json()["outputs"][0]["outputs"][0]["artifacts"]["message"] == "[Be brief.] Hi"


def test_the_error_for_an_unknown_provider_or_a_missing_key_states_the_remedy(tmp_path: Path) -> None:
    with serving(create_app(settings_for(tmp_path))) as base:
        unknown = run_flow(base, language_model_flow("Oracle of Delphi"))
        assert unknown.status_code == 500
        assert all(name in unknown.text for name in providers())
        assert "needs an API key" in run_flow(base, language_model_flow("Anthropic", api_key="")).text


def test_a_flow_cannot_read_a_secret_of_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGFLOW_SUPERUSER_PASSWORD", "never shown")
    flow = language_model_flow("OpenAI", api_key="LANGFLOW_SUPERUSER_PASSWORD")
    flow["nodes"][1]["data"]["node"]["template"]["api_key"]["load_from_db"] = True
    with serving(create_app(settings_for(tmp_path))) as base:
        answer = run_flow(base, flow)
    assert answer.status_code == 500
    assert "variable 'LANGFLOW_SUPERUSER_PASSWORD'" in answer.json()["detail"]
    assert "never shown" not in answer.text
