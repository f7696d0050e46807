"""Model providers as components that make models, for agents whose authors build their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from headrace.compat.bases import LCModelComponent
from headrace.compat.current import context_of, run_until_complete
from headrace.component import BoolInput, DropdownInput, SecretStrInput, StrInput
from headrace.models.fields import (
    API_BASE,
    MAX_RETRIES,
    MAX_TOKENS,
    MODEL_KWARGS,
    SEED,
    TEMPERATURE,
    TIMEOUT,
    settings_of,
)
from headrace.models.provider import Provider, chat_model, providers

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from headrace.component.inputs import Input

#: What a provider's component asks for beside its model's name.
_FIELDS: dict[str, list[Input]] = {
    "OpenAI": [
        MAX_TOKENS,
        MODEL_KWARGS,
        BoolInput(name="json_mode", display_name="JSON Mode", advanced=True, info="Have the model answer with JSON."),
        API_BASE,
        SEED,
        MAX_RETRIES,
        TIMEOUT,
    ],
}
_OTHERS: list[Input] = [
    MAX_TOKENS,
    StrInput(name="base_url", display_name="Base URL", advanced=True, info="Another server's address."),
]


class ProviderModel(LCModelComponent):
    """A provider's chat model, made from the fields that were `set`."""

    provider: ClassVar[Provider]

    def build_model(self) -> BaseChatModel:
        """Return the model.

        Raises:
            ModelError: the key, the package or the address is missing or refused.

        """
        address = getattr(self, "openai_api_base", "") or getattr(self, "base_url", "")
        settings = settings_of(self, api_key=str(self.api_key or ""), base_url=str(address or ""))
        return run_until_complete(chat_model(self.provider, settings, context_of("build_model")))


def _component_of(provider: Provider) -> ProviderModel:
    model_name = DropdownInput(
        name="model_name",
        display_name="Model Name",
        options=list(provider.models),
        value=provider.models[0],
        combobox=True,
        info="Which model.",
    )
    key = SecretStrInput(name="api_key", display_name=f"{provider.name} API Key", info="The provider's key.")
    # A provider without a field takes what stands there for it.
    known = [*_FIELDS.get(provider.name, _OTHERS), TEMPERATURE, model_name, key]
    silent = [f for f in (SEED, MAX_RETRIES, TIMEOUT, MODEL_KWARGS) if all(f.name != k.name for k in known)]
    attributes = {
        "provider": provider,
        "display_name": provider.name,
        "icon": provider.icon,
        "inputs": known,
        **{field.name: field.value for field in silent},
    }
    made: type[ProviderModel] = type(f"{provider.name}ModelComponent", (ProviderModel,), attributes)
    return made()


def _entry(provider: Provider) -> dict[str, Any]:
    component = _component_of(provider)
    return {
        "fields": {field.name: field.to_json() for field in component.inputs},
        "inputs": list(component.inputs),
        "prefix": "",
        "component_class": component,
        "icon": provider.icon,
        "is_active": True,
    }


MODEL_PROVIDERS_DICT: dict[str, dict[str, Any]] = {provider.name: _entry(provider) for provider in providers().values()}
