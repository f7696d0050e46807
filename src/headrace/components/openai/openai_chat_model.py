"""OpenAI: a chat model of OpenAI or of an OpenAI-compatible server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.component import (
    BoolInput,
    Component,
    DropdownInput,
    Output,
    SecretStrInput,
)
from headrace.component.model_use import ModelUse
from headrace.models.chat import ask_model
from headrace.models.conversation import conversation_of
from headrace.models.input_fields import (
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
    settings_from_component,
)
from headrace.models.provider import ModelSettings, chat_model, provider_named, providers
from headrace.schema import Message

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel as LanguageModel


class OpenAIModelComponent(Component):
    """Return a chat model's answer, or the model itself for other components."""

    name = "OpenAIModel"
    display_name = "OpenAI"
    description = "Runs a chat model of OpenAI or of an OpenAI-compatible server."
    icon = "OpenAI"
    model_use = ModelUse(outputs=("text_output",), provider="OpenAI")
    inputs = [
        INPUT,
        SYSTEM_MESSAGE,
        STREAM,
        MAX_TOKENS,
        MODEL_KWARGS,
        BoolInput(
            name="json_mode", display_name="JSON Mode", advanced=True, info="Require the model to answer in JSON."
        ),
        DropdownInput(
            name="model_name",
            display_name="Model Name",
            options=list(providers()["OpenAI"].models),
            value="gpt-4o-mini",
            combobox=True,
            real_time_refresh=True,
            info="Model to use.",
        ),
        API_BASE,
        SecretStrInput(
            name="api_key",
            display_name="OpenAI API Key",
            value="OPENAI_API_KEY",
            required=True,
            info="Your OpenAI API key.",
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
        """Return the model's name, which a message shows as its origin."""
        return str(self.model_name)

    async def text_response(self) -> Message:
        """Return the model's answer."""
        provider = provider_named("OpenAI")
        model = await provider.connect(self._settings(), self.context)
        conversation = conversation_of(self, self.input_value, self.system_message)
        stream = bool(self.stream) or self.context.streaming
        return await ask_model(self, model, conversation, stream=stream, provider=provider)

    async def build_model(self) -> LanguageModel:
        """Return the model, for components that use one."""
        return await chat_model(provider_named("OpenAI"), self._settings(), self.context)

    def _settings(self) -> ModelSettings:
        return settings_from_component(self, api_key=self.api_key, base_url=self.openai_api_base or "")
