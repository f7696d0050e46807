"""Ollama, through the OpenAI-compatible address that it serves."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from headrace.models.openai_protocol import openai_model
from headrace.models.provider import ModelSettings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from headrace.component.context import RunContext

API_URL = "http://localhost:11434"


class Ollama:
    """Models of an Ollama server. Its address must be allowed: OLLAMA_BASE_URL, or the list of allowed hosts."""

    name = "Ollama"
    icon = "Ollama"
    key_variable: str | None = None
    models: tuple[str, ...] = ("llama3.2", "qwen3", "gemma3", "mistral")

    async def build(self, settings: ModelSettings, context: RunContext) -> BaseChatModel:
        """Return a chat model; Ollama takes no key."""
        base = settings.base_url or context.environment("OLLAMA_BASE_URL") or API_URL
        address = base.rstrip("/").removesuffix("/v1") + "/v1"
        return openai_model(
            dataclasses.replace(settings, api_key=settings.api_key or "ollama"), address, context, provider=self.name
        )


provider = Ollama()
