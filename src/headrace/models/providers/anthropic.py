"""The provider Anthropic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.component.environment_secret import reveal_key
from headrace.models.provider import MissingExtraError, MissingKeyError, ModelSettings, operator_base_url
from headrace.models.request_options import ALL_OPTIONS

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from headrace.component.context import RunContext
    from headrace.models.chat_model import ChatModel

API_URL = "https://api.anthropic.com"
#: Sent if the component sets no limit, because the protocol requires one.
DEFAULT_MAX_TOKENS = 4096


class AnthropicProvider:
    """Models of Anthropic, through `langchain-anthropic`."""

    name = "Anthropic"
    icon = "Anthropic"
    key_variable = "ANTHROPIC_API_KEY"
    base_url = API_URL
    base_url_variables = ("ANTHROPIC_BASE_URL",)
    base_url_fields = ("base_url",)
    options = ALL_OPTIONS - {"seed", "presence_penalty", "frequency_penalty"}
    media = frozenset({"image", "file"})
    response_formats = frozenset({"json_schema"})
    packages = ("langchain_anthropic", "headrace.models.langchain_adapter")
    models = (
        "claude-opus-4-5",
        "claude-sonnet-4-5",
        "claude-haiku-4-5",
        "claude-opus-4-1",
        "claude-sonnet-4-0",
    )

    async def connect(self, settings: ModelSettings, context: RunContext) -> ChatModel:
        """Return a model for the server's own components."""
        from headrace.models.langchain_adapter import LangChainChatModel

        return LangChainChatModel(await self.build(settings, context))

    async def build(self, settings: ModelSettings, context: RunContext) -> BaseChatModel:
        """Return a LangChain model whose HTTP client goes through the egress guard."""
        try:
            import anthropic
            from langchain_anthropic import ChatAnthropic
        except ModuleNotFoundError as error:
            raise MissingExtraError(self.name, "anthropic") from error
        if not settings.api_key:
            raise MissingKeyError(self.name)
        base_url = settings.base_url or operator_base_url(self, context) or API_URL
        context.egress.check(base_url)
        api_key = reveal_key(settings.api_key, base_url)
        options: dict[str, Any] = {"temperature": settings.temperature} if settings.temperature is not None else {}
        model = ChatAnthropic(
            model_name=settings.model,
            api_key=api_key,
            base_url=base_url,
            max_tokens_to_sample=settings.max_tokens or DEFAULT_MAX_TOKENS,
            timeout=settings.timeout,
            max_retries=settings.max_retries,
            stop=None,
            **options,
        )
        # The class creates its client on first use and caches it under this name. Set a client that goes through the guard.
        model.__dict__["_async_client"] = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=base_url,
            max_retries=settings.max_retries,
            timeout=settings.timeout,
            http_client=context.egress.client(settings.timeout),
        )
        return model


PROVIDERS = (AnthropicProvider(),)
