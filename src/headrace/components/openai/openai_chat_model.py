"""OpenAI: its chat models, with all their settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.component import (
    BoolInput,
    Component,
    DictInput,
    DropdownInput,
    IntInput,
    MessageInput,
    MultilineInput,
    Output,
    RangeSpec,
    SecretStrInput,
    SliderInput,
    StrInput,
)
from headrace.models.provider import ModelSettings, provider_named, providers
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
        MessageInput(name="input_value", display_name="Input", info="What to ask."),
        MultilineInput(name="system_message", display_name="System Message", info="How the model should behave."),
        BoolInput(name="stream", display_name="Stream", advanced=True, info="Hand the answer on token by token."),
        IntInput(
            name="max_tokens",
            display_name="Max Tokens",
            advanced=True,
            range_spec=RangeSpec(min=0, max=128000),
            info="A bound on the answer's length; empty for none.",
        ),
        DictInput(
            name="model_kwargs", display_name="Model Kwargs", advanced=True, info="More settings of the protocol."
        ),
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
        StrInput(
            name="openai_api_base",
            display_name="OpenAI API Base",
            advanced=True,
            info="Another server's address, such as https://host/v1.",
        ),
        SecretStrInput(
            name="api_key", display_name="OpenAI API Key", value="OPENAI_API_KEY", required=True, info="Your key."
        ),
        SliderInput(
            name="temperature",
            display_name="Temperature",
            value=0.1,
            range_spec=RangeSpec(min=0, max=1, step=0.01),
            info="How freely the model words its answer.",
        ),
        IntInput(
            name="seed", display_name="Seed", value=1, advanced=True, info="The same seed asks for the same answer."
        ),
        IntInput(
            name="max_retries",
            display_name="Max Retries",
            value=5,
            advanced=True,
            info="How often to try again after a failure.",
        ),
        IntInput(
            name="timeout", display_name="Timeout", value=700, advanced=True, info="Seconds to wait for the answer."
        ),
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
        settings = ModelSettings(
            model=self.model_name,
            api_key=self.api_key,
            base_url=self.openai_api_base or "",
            temperature=float(self.temperature),
            max_tokens=int(self.max_tokens or 0) or None,
            timeout=float(self.timeout or 700),
            max_retries=int(self.max_retries or 0),
            seed=int(self.seed) if self.seed not in (None, "") else None,
            json_mode=bool(self.json_mode),
            extra=self.model_kwargs or {},
        )
        return await provider_named("OpenAI").build(settings, self.context)
