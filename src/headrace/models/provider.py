"""What a provider of chat models is, and where they are found."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.language_models import BaseChatModel

    from headrace.component.context import RunContext


class ModelError(HeadraceError):
    """A model cannot be used; the message says what is missing."""


class MissingExtraError(ModelError):
    """A provider's package isn't installed."""

    def __init__(self, provider: str, extra: str) -> None:
        super().__init__(
            f"{provider} needs a package that isn't installed. Install it with: pip install 'headrace[{extra}]'"
        )


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What a component asks of a model. `timeout` in seconds; None leaves the provider's default."""

    model: str
    api_key: str = ""
    base_url: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    timeout: float = 700.0
    max_retries: int = 2
    seed: int | None = None
    json_mode: bool = False
    extra: Mapping[str, Any] | None = None


class Provider(Protocol):
    """One maker of chat models: a module of `models/providers/` has one as `provider`."""

    name: str
    icon: str
    models: tuple[str, ...]
    key_variable: str | None

    async def build(self, settings: ModelSettings, context: RunContext) -> BaseChatModel:
        """Return a model whose connections go through the run's guarded egress.

        Raises:
            ModelError: the key, the package or the address is missing or refused.

        """
        ...


@dataclass(frozen=True, slots=True)
class MadeOf:
    """What a chat model was built from, and can be built from again elsewhere."""

    provider: str
    settings: ModelSettings


_MADE_OF = "_headrace_made_of"


async def chat_model(provider: Provider, settings: ModelSettings, context: RunContext) -> BaseChatModel:
    """Return a provider's model, which remembers what it was made of.

    Raises:
        ModelError: as `Provider.build` does.

    """
    model = await provider.build(settings, context)
    model.__dict__[_MADE_OF] = MadeOf(provider.name, settings)
    return model


def made_of(value: object) -> MadeOf | None:
    """Return what a chat model was made of, or None for anything else."""
    found = getattr(value, "__dict__", {}).get(_MADE_OF)
    return found if isinstance(found, MadeOf) else None


@functools.cache
def providers() -> Mapping[str, Provider]:
    """Return every provider by its name, in the order in which an editor lists them."""
    from headrace.models import providers as package

    modules = (importlib.import_module(m.name) for m in pkgutil.iter_modules(package.__path__, f"{package.__name__}."))
    found: list[Provider] = [module.provider for module in modules]
    return {p.name: p for p in sorted(found, key=lambda p: (p.key_variable is None, p.name != "OpenAI", p.name))}


def provider_named(name: str) -> Provider:
    """Return a provider.

    Raises:
        ModelError: there is none of this name; says which there are.

    """
    provider = providers().get(name)
    if provider is None:
        raise ModelError(f"There is no model provider {name!r}. Choose one of: {', '.join(providers())}.")
    return provider
