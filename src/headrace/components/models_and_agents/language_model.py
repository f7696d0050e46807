"""Language Model: a chat model of any provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.component import (
    Component,
    DropdownInput,
    MessageTextInput,
    Output,
    SecretStrInput,
    StrInput,
)
from headrace.component.model_use import ModelUse
from headrace.models.chat import ask_model
from headrace.models.conversation import conversation_of
from headrace.models.input_fields import INPUT, STREAM, SYSTEM_MESSAGE, TEMPERATURE, api_key_of, base_url_of
from headrace.models.provider import ModelSettings, chat_model, provider_named, providers
from headrace.schema import Message

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel as LanguageModel

    from headrace.models.provider import Provider

WATSONX_URLS = [
    f"https://{region}.ml.cloud.ibm.com" for region in ("us-south", "eu-de", "eu-gb", "au-syd", "jp-tok", "ca-tor")
]


class LanguageModelComponent(Component):
    """Return a chat model's answer, or the model itself for other components."""

    display_name = "Language Model"
    description = "Runs a language model of the selected provider."
    icon = "brain-circuit"
    model_use = ModelUse(outputs=("text_output",), field="provider")
    inputs = [
        DropdownInput(
            name="provider",
            display_name="Model Provider",
            options=list(providers()),
            value="OpenAI",
            real_time_refresh=True,
            info="Provider of the model.",
        ),
        DropdownInput(
            name="model_name",
            display_name="Model Name",
            options=list(providers()["OpenAI"].models),
            value="gpt-4o-mini",
            real_time_refresh=True,
            refresh_button=True,
            info="Model to use.",
        ),
        SecretStrInput(
            name="api_key",
            display_name="OpenAI API Key",
            real_time_refresh=True,
            info="API key of the provider. Empty for the key of the server's operator.",
        ),
        DropdownInput(
            name="base_url_ibm_watsonx",
            display_name="watsonx API Endpoint",
            options=WATSONX_URLS,
            value=WATSONX_URLS[0],
            show=False,
            real_time_refresh=True,
            info="watsonx endpoint of your region.",
        ),
        StrInput(name="project_id", display_name="watsonx Project ID", show=False, info="ID of your watsonx project."),
        MessageTextInput(
            name="ollama_base_url",
            display_name="Ollama API URL",
            value="http://localhost:11434",
            show=False,
            load_from_db=True,
            real_time_refresh=True,
            info="Address of your Ollama server.",
        ),
        INPUT,
        SYSTEM_MESSAGE,
        STREAM,
        TEMPERATURE,
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
        provider = provider_named(self.provider)
        model = await provider.connect(await self._settings(provider), self.context)
        conversation = conversation_of(self, self.input_value, self.system_message)
        stream = bool(self.stream) or self.context.streaming
        return await ask_model(self, model, conversation, stream=stream, provider=provider)

    async def build_model(self) -> LanguageModel:
        """Return the model, for components that use one."""
        provider = provider_named(self.provider)
        return await chat_model(provider, await self._settings(provider), self.context)

    async def _settings(self, provider: Provider) -> ModelSettings:
        return ModelSettings(
            model=self.model_name,
            api_key=await api_key_of(provider, self),
            base_url=base_url_of(provider, self),
            temperature=float(self.temperature),
        )
