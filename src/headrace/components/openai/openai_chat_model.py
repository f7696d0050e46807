"""OpenAI: its chat models, with all their settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.component import (
    BoolInput,
    Component,
    DropdownInput,
    Output,
    SecretStrInput,
)
from headrace.models.fields import (
    API_BASE,
    INPUT,
    MAX_RETRIES,
    MAX_TOKENS,
    MODEL_KWARGS,
    SEED,
    STREAM,
    SYSTEM_MESSAGE,
    TEMPERATURE,
    TIMEOUT,
    settings_of,
)
from headrace.models.provider import chat_model, provider_named, providers
from headrace.models.respond import respond
from headrace.schema import Message

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel as LanguageModel


class OpenAIModelComponent(Component):
    """Asks a chat model of OpenAI, or of a server that speaks its protocol."""

    name = "OpenAIModel"
    display_name = "OpenAI"
    description = "Asks a model of OpenAI or of a compatible server."
    icon = "OpenAI"
    inputs = [
        INPUT,
        SYSTEM_MESSAGE,
        STREAM,
        MAX_TOKENS,
        MODEL_KWARGS,
        BoolInput(name="json_mode", display_name="JSON Mode", advanced=True, info="Answer in JSON alone."),
        DropdownInput(
            name="model_name",
            display_name="Model Name",
            options=list(providers()["OpenAI"].models),
            value="gpt-4o-mini",
            combobox=True,
            real_time_refresh=True,
            info="Which model.",
        ),
        API_BASE,
        SecretStrInput(
            name="api_key", display_name="OpenAI API Key", value="OPENAI_API_KEY", required=True, info="Your key."
        ),
        TEMPERATURE.model_copy(update={"advanced": False}),
        SEED,
        MAX_RETRIES,
        TIMEOUT,
    ]
    outputs = [
        Output(name="text_output", display_name="Model Response", method="text_response"),
        Output(name="model_output", display_name="Language Model", method="build_model"),
    ]

    @property
    def source_name(self) -> str:
        """Return the model's name: a message shows it as its origin."""
        return str(self.model_name)

    async def text_response(self) -> Message:
        """Return the model's answer."""
        return await respond(
            await self.build_model(), self.input_value, str(self.system_message), stream=bool(self.stream)
        )

    async def build_model(self) -> LanguageModel:
        """Return the model."""
        settings = settings_of(self, api_key=self.api_key, base_url=self.openai_api_base or "")
        return await chat_model(provider_named("OpenAI"), settings, self.context)
