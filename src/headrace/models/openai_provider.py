"""Providers whose servers speak OpenAI's chat completions protocol."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from headrace.component.environment_secret import reveal_key
from headrace.models.openai_chat.client import OpenAIChatClient
from headrace.models.openai_chat.endpoint import ChatOptions, Endpoint
from headrace.models.provider import MissingKeyError, ModelSettings, operator_base_url
from headrace.models.request_options import ALL_MEDIA, ALL_OPTIONS, ALL_RESPONSE_FORMATS

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    import httpx2
    from langchain_core.language_models import BaseChatModel

    from headrace.component.context import RunContext

_JSON_OBJECT: Mapping[str, Any] = {"type": "json_object"}


@dataclass(frozen=True, slots=True)
class OpenAIProtocolProvider:
    """A provider that speaks OpenAI's protocol.

    Attributes:
        base_url: the base URL of the provider's server.
        path: the path of the API, appended to addresses that lack it.
        default_key: the API key that is sent if the component has none.

    See `Provider` for the other attributes.

    """

    name: str
    icon: str
    models: tuple[str, ...]
    base_url: str
    key_variable: str | None = None
    base_url_variables: tuple[str, ...] = ()
    base_url_fields: tuple[str, ...] = ("base_url",)
    path: str = ""
    default_key: str = ""
    packages: tuple[str, ...] = ("headrace.models.openai_chat.client",)
    options: frozenset[str] = ALL_OPTIONS
    media: frozenset[str] = ALL_MEDIA
    response_formats: frozenset[str] = ALL_RESPONSE_FORMATS

    async def connect(self, settings: ModelSettings, context: RunContext) -> OpenAIChatClient:
        """Return a client of the model. Equal settings share a client.

        Raises:
            MissingKeyError: the API key is missing.
            EgressError: the server is not allowed.

        """
        settings = await self.resolve(settings, context)
        if not settings.api_key:
            raise MissingKeyError(self.name)
        context.egress.check(settings.base_url)
        return context.egress.clients.get(_key(settings), lambda http: _create_client(http, settings))

    async def build(self, settings: ModelSettings, context: RunContext) -> BaseChatModel:
        """Return the model as a LangChain chat model.

        Raises:
            MissingKeyError: the API key is missing.
            EgressError: the server is not allowed.

        """
        client = await self.connect(settings, context)
        from headrace.models.openai_chat.model import OpenAIChatModel

        return OpenAIChatModel(
            client=client, http_factory=lambda: context.egress.unshared_client(client.endpoint.timeout_seconds)
        )

    async def resolve(self, settings: ModelSettings, context: RunContext) -> ModelSettings:
        """Return the settings with the base URL and the API key of the component, the operator or the provider."""
        url = settings.base_url or operator_base_url(self, context) or self.base_url
        if self.path:
            url = url.rstrip("/").removesuffix(self.path) + self.path
        return replace(settings, base_url=url, api_key=reveal_key(settings.api_key, url) or self.default_key)


def _key(settings: ModelSettings) -> Hashable:
    """Return the settings as a cache key."""
    extra = orjson.dumps(settings.extra, default=repr, option=orjson.OPT_SORT_KEYS) if settings.extra else b""
    return replace(settings, extra=None), extra


def _create_client(http: httpx2.AsyncClient, settings: ModelSettings) -> OpenAIChatClient:
    endpoint = Endpoint(
        settings.base_url,
        settings.api_key,
        timeout_seconds=settings.timeout,
        max_retries=settings.max_retries,
    )
    options = ChatOptions(
        settings.model,
        temperature=settings.temperature,
        max_tokens=settings.max_tokens or None,
        seed=settings.seed,
        response_format=_JSON_OBJECT if settings.json_mode else None,
        stream_usage=True,
        extra=dict(settings.extra or {}),
    )
    return OpenAIChatClient(http, endpoint, options)
