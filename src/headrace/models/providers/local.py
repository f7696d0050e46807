"""The model that runs beside the server."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from headrace.models.openai_protocol import openai_model
from headrace.models.provider import ModelSettings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from headrace.component.context import RunContext


class Local:
    """A small model on this machine: no key, no network."""

    name = "Local"
    icon = "cpu"
    key_variable: str | None = None
    models: tuple[str, ...] = ("SmolLM2-135M-Instruct",)

    async def build(self, settings: ModelSettings, context: RunContext) -> BaseChatModel:
        """Start the model if need be and return it."""
        base_url = await context.local_model.base_url()
        most = settings.max_tokens or context.local_model.longest_answer
        asked = dataclasses.replace(settings, api_key="local", max_tokens=most)
        return openai_model(asked, base_url, context, provider=self.name, extra="local")


provider = Local()
