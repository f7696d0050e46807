"""The interface of chat model providers, and the list of providers.

A provider is one module in `providers/`, or one row of its table if it speaks OpenAI's protocol.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.language_models import BaseChatModel

    from headrace.component.context import RunContext
    from headrace.models.chat_model import ChatModel


class ModelError(HeadraceError):
    """A model cannot be used, for example because its API key is missing."""


class MissingExtraError(ModelError):
    """A provider's package is not installed."""

    def __init__(self, provider: str, extra: str) -> None:
        super().__init__(
            f"{provider} needs a package that is not installed. Install it with: pip install 'headrace[{extra}]'"
        )


class MissingKeyError(ModelError):
    """A provider's API key is missing."""

    def __init__(self, provider: str) -> None:
        super().__init__(
            f"{provider} needs an API key. Set it in the component, or in the variable that the component names."
        )


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """The settings of a model in a component.

    Attributes:
        api_key: the API key; an `EnvironmentSecret` if it is the operator's, which `reveal_key` reveals to a server.
        base_url: the base URL of the server; empty for the operator's or the provider's server.
        temperature: None for the provider's default.
        timeout: the maximum time to wait for the server's next bytes, in seconds.
        max_retries: the maximum number of attempts after the first.
        json_mode: whether the answer is a JSON object.
        extra: further members of the request.

    """

    model: str
    api_key: str = field(default="", repr=False)
    base_url: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    timeout: float = 700.0
    max_retries: int = 2
    seed: int | None = None
    json_mode: bool = False
    extra: Mapping[str, Any] | None = None


class Provider(Protocol):
    """A provider of chat models.

    Attributes:
        name: the name in the components' list of providers.
        icon: the name of the icon in the editor.
        models: the names of its models, with the default first. Components that offer the models of one provider read it.
        key_variable: the variable with the API key; None if the provider needs none.
        base_url: the URL of the provider's own server; empty if it has none. The operator's API key is sent there.
        base_url_variables: the environment variables with the operator's server, in order of precedence. The server
            that they name may be reached although its address is private.
        base_url_fields: the component fields with the server's address, in order of precedence.
        packages: the modules to import before the first use, for warming up.
        options: the fields of `ModelOptions` that the provider honours, for the models that support them.
        media: the kinds of content that the provider takes besides text: `image`, `file` (PDF) and `audio`.
        response_formats: the forms of answers besides text: `json_object` and `json_schema`.

    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see Attributes
    @property
    def icon(self) -> str: ...  # noqa: D102
    @property
    def models(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def key_variable(self) -> str | None: ...  # noqa: D102
    @property
    def base_url(self) -> str: ...  # noqa: D102
    @property
    def base_url_variables(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def base_url_fields(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def packages(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def options(self) -> frozenset[str]: ...  # noqa: D102
    @property
    def media(self) -> frozenset[str]: ...  # noqa: D102
    @property
    def response_formats(self) -> frozenset[str]: ...  # noqa: D102

    async def connect(self, settings: ModelSettings, context: RunContext) -> ChatModel:
        """Return a model for the server's own components, which connects through the run's egress guard.

        Raises:
            ModelError: the key, the package or the address is missing or not allowed.

        """
        ...

    async def build(self, settings: ModelSettings, context: RunContext) -> BaseChatModel:
        """Return a LangChain model, for components that need this interface.

        Raises:
            ModelError: the key, the package or the address is missing or not allowed.

        """
        ...


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """The provider and the settings of a chat model, from which another process builds the same model."""

    provider: str
    settings: ModelSettings


_SPEC_ATTRIBUTE = "_headrace_spec"


async def chat_model(provider: Provider, settings: ModelSettings, context: RunContext) -> BaseChatModel:
    """Return a provider's LangChain model, with its specification for `model_spec`.

    Raises:
        ModelError: see `Provider.build`.

    """
    model = await provider.build(settings, context)
    model.__dict__[_SPEC_ATTRIBUTE] = ModelSpec(provider.name, settings)
    # Imports LangChain, which the model has imported.
    from headrace.models.langchain_usage import count_langchain_calls

    count_langchain_calls()
    return model


def model_spec(value: object) -> ModelSpec | None:
    """Return the specification of a chat model, or None for any other object."""
    spec = getattr(value, "__dict__", {}).get(_SPEC_ATTRIBUTE)
    return spec if isinstance(spec, ModelSpec) else None


@functools.cache
def providers() -> Mapping[str, Provider]:
    """Return the providers by name, in the order of the editor's list."""
    from headrace.models import providers as package

    modules = (importlib.import_module(m.name) for m in pkgutil.iter_modules(package.__path__, f"{package.__name__}."))
    all_providers: list[Provider] = [provider for module in modules for provider in module.PROVIDERS]
    return {
        p.name: p for p in sorted(all_providers, key=lambda p: (p.key_variable is None, p.name != "OpenAI", p.name))
    }


def provider_named(name: str) -> Provider:
    """Return the provider with a name.

    Raises:
        ModelError: no provider has this name.

    """
    provider = providers().get(name)
    if provider is None:
        raise ModelError(f"Model provider {name!r} does not exist. Choose one of: {', '.join(providers())}.")
    return provider


def base_url_variables() -> tuple[str, ...]:
    """Return the names of the environment variables with the operator's model servers."""
    return tuple(variable for provider in providers().values() for variable in provider.base_url_variables)


def provider_urls() -> tuple[str, ...]:
    """Return the URLs of the providers' own servers."""
    return tuple(provider.base_url for provider in providers().values() if provider.base_url)


def operator_base_url(provider: Provider, context: RunContext) -> str:
    """Return the base URL that the operator set for a provider, or an empty string."""
    return next((url for variable in provider.base_url_variables if (url := context.get_env(variable))), "")
