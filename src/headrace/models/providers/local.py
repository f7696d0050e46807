"""The provider of the local model, which runs on the server's machine."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from headrace.models.openai_provider import OpenAIProtocolProvider
from headrace.models.request_options import ALL_OPTIONS

if TYPE_CHECKING:
    from headrace.component.context import RunContext
    from headrace.models.provider import ModelSettings


class LocalProvider(OpenAIProtocolProvider):
    """A small model on this machine, without an API key and without a network."""

    async def resolve(self, settings: ModelSettings, context: RunContext) -> ModelSettings:
        """Return the settings with the model's base URL, starting the model if it is not running."""
        max_tokens = settings.max_tokens or context.local_model.max_tokens
        base_url = await context.local_model.base_url()
        return dataclasses.replace(settings, base_url=base_url, api_key=self.default_key, max_tokens=max_tokens)


PROVIDERS = (
    LocalProvider(
        name="Local",
        icon="cpu",
        base_url="",
        base_url_fields=(),
        default_key="local",
        options=ALL_OPTIONS - {"reasoning_effort"},
        media=frozenset(),
        models=("SmolLM2-135M-Instruct",),
    ),
)
