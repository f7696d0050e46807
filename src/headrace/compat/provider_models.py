"""A component per model provider, for agents whose code builds its own model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from headrace.compat.active_run import current_context, run_until_complete
from headrace.compat.model_bases import LCModelComponent
from headrace.component import BoolInput, DropdownInput, SecretStrInput, StrInput
from headrace.models.input_fields import (
    API_BASE,
    MAX_RETRIES,
    MAX_TOKENS,
    MODEL_KWARGS,
    SEED,
    TEMPERATURE,
    TIMEOUT,
    settings_from_component,
)
from headrace.models.provider import Provider, chat_model, providers

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from headrace.component.inputs import Input

#: The fields of a provider beside its model name, key and temperature.
_FIELDS: dict[str, list[Input]] = {
    "OpenAI": [
        MAX_TOKENS,
        MODEL_KWARGS,
        BoolInput(name="json_mode", display_name="JSON Mode", advanced=True, info="Make the model answer with JSON."),
        API_BASE,
        SEED,
        MAX_RETRIES,
        TIMEOUT,
    ],
}
_DEFAULT_FIELDS: list[Input] = [
    MAX_TOKENS,
    StrInput(
        name="base_url", display_name="Base URL", advanced=True, info="The URL of another server with the same API."
    ),
]


class ProviderModel(LCModelComponent):
    """Build a provider's chat model from the fields that were `set`."""

    provider: ClassVar[Provider]

    def build_model(self) -> BaseChatModel:
        """Return the model.

        Raises:
            ModelError: the key, the package or the URL is missing or not valid.

        """
        base_url = getattr(self, "openai_api_base", "") or getattr(self, "base_url", "")
        settings = settings_from_component(self, api_key=self.api_key or "", base_url=str(base_url or ""))
        return run_until_complete(chat_model(self.provider, settings, current_context("build_model")))


def _create_component(provider: Provider) -> ProviderModel:
    model_name = DropdownInput(
        name="model_name",
        display_name="Model Name",
        options=list(provider.models),
        value=provider.models[0],
        combobox=True,
        info="The name of the model.",
    )
    key = SecretStrInput(name="api_key", display_name=f"{provider.name} API Key", info="The API key of the provider.")
    # `build_model` reads these fields; a provider that does not show them uses their defaults.
    inputs = [*_FIELDS.get(provider.name, _DEFAULT_FIELDS), TEMPERATURE, model_name, key]
    hidden = [f for f in (SEED, MAX_RETRIES, TIMEOUT, MODEL_KWARGS) if all(f.name != i.name for i in inputs)]
    attributes = {
        "provider": provider,
        "display_name": provider.name,
        "icon": provider.icon,
        "inputs": inputs,
        **{field.name: field.value for field in hidden},
    }
    component: type[ProviderModel] = type(f"{provider.name}ModelComponent", (ProviderModel,), attributes)
    return component()


def _entry(provider: Provider) -> dict[str, Any]:
    component = _create_component(provider)
    return {
        "fields": {field.name: field.to_json() for field in component.inputs},
        "inputs": list(component.inputs),
        "prefix": "",
        "component_class": component,
        "icon": provider.icon,
        "is_active": True,
    }


#: Provider name to its component and fields, in the form of Langflow 1.7.
MODEL_PROVIDERS_DICT: dict[str, dict[str, Any]] = {provider.name: _entry(provider) for provider in providers().values()}
