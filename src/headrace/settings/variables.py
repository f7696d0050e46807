"""Settings of global variables and of the environment variables that flows may read."""

from __future__ import annotations

from headrace.settings.declaration import SettingsGroup, StringList, setting

PROVIDER_VARIABLES = [
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "GOOGLE_API_KEY",
    "COMPOSIO_API_KEY",
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_API_VERSION",
    "AZURE_OPENAI_API_INSTANCE_NAME",
    "AZURE_OPENAI_API_DEPLOYMENT_NAME",
    "AZURE_OPENAI_API_EMBEDDINGS_DEPLOYMENT_NAME",
    "ASTRA_DB_APPLICATION_TOKEN",
    "ASTRA_DB_API_ENDPOINT",
    "COHERE_API_KEY",
    "GROQ_API_KEY",
    "HUGGINGFACEHUB_API_TOKEN",
    "PINECONE_API_KEY",
    "SAMBANOVA_API_KEY",
    "SEARCHAPI_API_KEY",
    "SERPAPI_API_KEY",
    "UPSTASH_VECTOR_REST_URL",
    "UPSTASH_VECTOR_REST_TOKEN",
    "VECTARA_CUSTOMER_ID",
    "VECTARA_CORPUS_ID",
    "VECTARA_API_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "NOVITA_API_KEY",
    "TAVILY_API_KEY",
    "COMETAPI_KEY",
    "ELEVENLABS_API_KEY",
]


class VariableSettings(SettingsGroup):
    """Which environment variables become global variables."""

    fallback_to_environment: bool = setting(
        "LANGFLOW_FALLBACK_TO_ENV_VAR",
        default=True,
        description="Read the variable that a secret field names from the environment if it is not stored.",
    )
    environment_users: StringList = setting(
        "HEADRACE_ENVIRONMENT_VARIABLES_FOR",
        default=["superuser"],
        description="Users whose flows may use these variables, beside superusers: user names, or `everyone`.",
    )
    environment_key_urls: StringList = setting(
        "HEADRACE_ENVIRONMENT_KEY_URLS",
        default=[],
        description="URLs of servers that may receive API keys of the environment, beside each provider's own server and the one in its variable, such as `OPENAI_BASE_URL`.",
    )
    environment_names: StringList = setting(
        "LANGFLOW_VARIABLES_TO_GET_FROM_ENVIRONMENT",
        default=PROVIDER_VARIABLES,
        description="Environment variables that secret fields of flows may use. All others are hidden from flows.",
    )
    store_environment_variables: bool = setting(
        "LANGFLOW_STORE_ENVIRONMENT_VARIABLES",
        default=True,
        description="Store these variables at start as credentials of the first superuser.",
    )
