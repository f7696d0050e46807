"""The table of providers that speak OpenAI's protocol. To add one, add a row."""

from __future__ import annotations

from headrace.models.openai_provider import OpenAIProtocolProvider
from headrace.models.request_options import ALL_OPTIONS

PROVIDERS = (
    OpenAIProtocolProvider(
        name="OpenAI",
        icon="OpenAI",
        base_url="https://api.openai.com/v1",
        key_variable="OPENAI_API_KEY",
        base_url_variables=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
        base_url_fields=("openai_api_base",),
        models=(
            "gpt-4o-mini",
            "gpt-4o",
            "gpt-4.1",
            "gpt-4.1-mini",
            "gpt-4.1-nano",
            "gpt-4-turbo",
            "gpt-4-turbo-preview",
            "gpt-4",
            "gpt-3.5-turbo",
            "gpt-5.1",
            "gpt-5",
            "gpt-5-mini",
            "gpt-5-nano",
            "gpt-5-chat-latest",
            "o1",
            "o3-mini",
            "o3",
            "o3-pro",
            "o4-mini",
            "o4-mini-high",
        ),
    ),
    OpenAIProtocolProvider(
        name="Ollama",
        icon="Ollama",
        # The address is private; the operator allows it with OLLAMA_BASE_URL or LANGFLOW_SSRF_ALLOWED_HOSTS.
        base_url="http://localhost:11434",
        base_url_variables=("OLLAMA_BASE_URL",),
        base_url_fields=("ollama_base_url", "base_url"),
        path="/v1",
        default_key="ollama",
        # Source: https://docs.ollama.com/api/openai-compatibility
        options=ALL_OPTIONS - {"tool_choice", "parallel_tool_calls"},
        media=frozenset({"image"}),
        models=("llama3.2", "qwen3", "gemma3", "mistral"),
    ),
)
