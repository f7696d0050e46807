"""Language Model: any provider behind one component."""

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
from headrace.models.fields import INPUT, STREAM, SYSTEM_MESSAGE, TEMPERATURE
from headrace.models.provider import ModelSettings, chat_model, provider_named, providers
from headrace.models.respond import respond
from headrace.schema import Message

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel as LanguageModel

WATSONX_URLS = [
    f"https://{region}.ml.cloud.ibm.com" for region in ("us-south", "eu-de", "eu-gb", "au-syd", "jp-tok", "ca-tor")
]


class LanguageModelComponent(Component):
    """Asks a chat model, or hands the model itself on."""

    display_name = "Language Model"
    description = "Asks a language model of the provider you choose."
    icon = "brain-circuit"
    inputs = [
        DropdownInput(
            name="provider",
            display_name="Model Provider",
            options=list(providers()),
            value="OpenAI",
            real_time_refresh=True,
            info="Whose models.",
        ),
        DropdownInput(
            name="model_name",
            display_name="Model Name",
            options=list(providers()["OpenAI"].models),
            value="gpt-4o-mini",
            real_time_refresh=True,
            refresh_button=True,
            info="Which model.",
        ),
        SecretStrInput(
            name="api_key", display_name="OpenAI API Key", real_time_refresh=True, info="The provider's key."
        ),
        DropdownInput(
            name="base_url_ibm_watsonx",
            display_name="watsonx API Endpoint",
            options=WATSONX_URLS,
            value=WATSONX_URLS[0],
            show=False,
            real_time_refresh=True,
            info="Where watsonx is served.",
        ),
        StrInput(name="project_id", display_name="watsonx Project ID", show=False, info="Your project at watsonx."),
        MessageTextInput(
            name="ollama_base_url",
            display_name="Ollama API URL",
            value="http://localhost:11434",
            show=False,
            load_from_db=True,
            real_time_refresh=True,
            info="Where your Ollama listens.",
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
        """Return the model's name: a message shows it as its origin."""
        return str(self.model_name)

    async def text_response(self) -> Message:
        """Return the model's answer."""
        return await respond(
            await self.build_model(), self.input_value, str(self.system_message), stream=bool(self.stream)
        )

    async def build_model(self) -> LanguageModel:
        """Return the model."""
        provider = provider_named(self.provider)
        settings = ModelSettings(
            model=self.model_name,
            api_key=self.api_key
            or (self.context.environment(provider.key_variable) if provider.key_variable else "")
            or "",
            base_url=str(self.ollama_base_url) if self.provider == "Ollama" else "",
            temperature=float(self.temperature),
        )
        return await chat_model(provider, settings, self.context)
