"""Chat models of every server that speaks OpenAI's protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.models.provider import MissingExtraError, ModelError, ModelSettings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from headrace.component.context import RunContext

_JSON_MODE = {"response_format": {"type": "json_object"}}

REASONING_MODELS = ("o1", "o3", "o4", "gpt-5")


def openai_model(
    settings: ModelSettings, base_url: str, context: RunContext, *, provider: str = "OpenAI", extra: str = "openai"
) -> BaseChatModel:
    """Return a chat model at `base_url`, guarded by the run's egress.

    Raises:
        MissingExtraError: `langchain-openai` isn't installed.
        ModelError: the key is missing.

    """
    try:
        from langchain_openai import ChatOpenAI
    except ModuleNotFoundError as error:
        raise MissingExtraError(provider, extra) from error
    if not settings.api_key:
        raise ModelError(
            f"{provider} needs an API key. Set it in the component, or as the variable that the component names."
        )
    context.egress.check(base_url)
    reasoning = settings.model.startswith(REASONING_MODELS)
    options: dict[str, Any] = {
        "model": settings.model,
        "api_key": settings.api_key,
        "base_url": base_url,
        "max_retries": settings.max_retries,
        "timeout": settings.timeout,
        "http_async_client": context.egress.client(settings.timeout),
        "stream_usage": False,
        "max_tokens": settings.max_tokens or None,
        "model_kwargs": {**(settings.extra or {}), **_JSON_MODE} if settings.json_mode else dict(settings.extra or {}),
    }
    if not reasoning:
        options |= {"temperature": settings.temperature, "seed": settings.seed}
    return ChatOpenAI(**options)
