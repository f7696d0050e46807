"""Anthropic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.models.provider import MissingExtraError, ModelError, ModelSettings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from headrace.component.context import RunContext

API_URL = "https://api.anthropic.com"
#: The protocol wants a bound on the answer; this is what holds where a component sets none.
MAX_TOKENS = 4096


class Anthropic:
    """Models of Anthropic; ANTHROPIC_BASE_URL leads to another server."""

    name = "Anthropic"
    icon = "Anthropic"
    key_variable: str | None = "ANTHROPIC_API_KEY"
    models: tuple[str, ...] = (
        "claude-opus-4-5",
        "claude-sonnet-4-5",
        "claude-haiku-4-5",
        "claude-opus-4-1",
        "claude-sonnet-4-0",
    )

    async def build(self, settings: ModelSettings, context: RunContext) -> BaseChatModel:
        """Return a chat model whose HTTP client is the run's guarded one."""
        try:
            import anthropic
            from langchain_anthropic import ChatAnthropic
        except ModuleNotFoundError as error:
            raise MissingExtraError(self.name, "anthropic") from error
        if not settings.api_key:
            raise ModelError(
                "Anthropic needs an API key. Set it in the component, or as the variable that the component names."
            )
        base_url = settings.base_url or context.environment("ANTHROPIC_BASE_URL") or API_URL
        context.egress.check(base_url)
        options: dict[str, Any] = {"temperature": settings.temperature} if settings.temperature is not None else {}
        model = ChatAnthropic(
            model_name=settings.model,
            api_key=settings.api_key,
            base_url=base_url,
            max_tokens_to_sample=settings.max_tokens or MAX_TOKENS,
            timeout=settings.timeout,
            max_retries=settings.max_retries,
            stop=None,
            **options,
        )
        # The class makes its client on first use and caches it here; this one is guarded.
        model.__dict__["_async_client"] = anthropic.AsyncAnthropic(
            api_key=settings.api_key,
            base_url=base_url,
            max_retries=settings.max_retries,
            timeout=settings.timeout,
            http_client=context.egress.client(settings.timeout),
        )
        return model


provider = Anthropic()
