"""OpenAI, and every server that speaks its protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.models.openai_protocol import openai_model
from headrace.models.provider import ModelSettings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from headrace.component.context import RunContext

API_URL = "https://api.openai.com/v1"


class OpenAI:
    """Models of OpenAI; OPENAI_BASE_URL or OPENAI_API_BASE lead to another server."""

    name = "OpenAI"
    icon = "OpenAI"
    key_variable: str | None = "OPENAI_API_KEY"
    models = (
        "gpt-4o-mini",
        "gpt-4o",
        "gpt-4.1",
        "gpt-4.1-mini",
        "gpt-4.1-nano",
        "gpt-4-turbo",
        "gpt-4-turbo-preview",
        "gpt-4",
        "gpt-3.5-turbo",
        "gpt-5.1",
        "gpt-5",
        "gpt-5-mini",
        "gpt-5-nano",
        "gpt-5-chat-latest",
        "o1",
        "o3-mini",
        "o3",
        "o3-pro",
        "o4-mini",
        "o4-mini-high",
    )

    async def build(self, settings: ModelSettings, context: RunContext) -> BaseChatModel:
        """Return a chat model; the component's address wins over the operator's, that over OpenAI's."""
        operator = context.environment("OPENAI_BASE_URL") or context.environment("OPENAI_API_BASE")
        return openai_model(settings, settings.base_url or operator or API_URL, context)


provider = OpenAI()
