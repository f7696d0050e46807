"""The modules with base classes of components, and the components that others inherit from."""

from __future__ import annotations

from headrace.compat.module_map.targets import targets

_AGENTS = "headrace.compat.agents"
_CHAINS = "headrace.compat.chains"
_CHAT_MODELS = "headrace.compat.chat_models"
_DOCUMENTS = "headrace.compat.document_bases"
_FILES = "headrace.compat.file_bases"
_MODEL_BASES = "headrace.compat.model_bases"
_MODEL_NAMES = "headrace.compat.model_names"
_OLLAMA = "headrace.compat.ollama"
_OPTIONS = "headrace.compat.service_options"
_PROVIDERS = "headrace.compat.provider_fields"
_RECORDS = "headrace.compat.records"
_SCHEMAS = "headrace.compat.schemas"

BASE_MODULES: dict[str, dict[str, str]] = {
    "base.agents.agent": targets(_AGENTS, "LCAgentComponent", "LCToolsAgentComponent"),
    "base.agents.events": targets("headrace.compat.agent_events", "ExceptionWithMessageError", "process_agent_events"),
    "base.agents.utils": {
        **targets(_SCHEMAS, "maybe_unflatten_dict"),
        **targets("headrace.compat.shared_cache", "safe_cache_get", "safe_cache_set"),
    },
    "base.chains.model": targets(_CHAINS, "LCChainComponent"),
    "base.compressors.model": targets(_DOCUMENTS, "LCCompressorComponent"),
    "base.curl.parse": targets("headrace.compat.curl", "parse_context"),
    "base.data": targets(_FILES, "BaseFileComponent"),
    "base.data.base_file": targets(_FILES, "BaseFileComponent"),
    "base.data.storage_utils": targets(
        _FILES, "parse_storage_path", "read_file_bytes", "read_file_text", "validate_image_content_type"
    ),
    "base.data.utils": {
        "IMG_FILE_TYPES": "headrace.component.file_types:IMAGE_FILE_TYPES",
        "TEXT_FILE_TYPES": "headrace.component.file_types:TEXT_FILE_TYPES",
        **targets(_FILES, "parallel_load_data", "parse_text_file_to_data"),
    },
    "base.document_transformers.model": targets(_DOCUMENTS, "LCDocumentTransformerComponent"),
    "base.embeddings.model": targets(_MODEL_BASES, "LCEmbeddingsModel"),
    "base.io.chat": targets(_MODEL_BASES, "ChatComponent"),
    "base.io.text": {"TextComponent": "headrace.compat.component:Component"},
    "base.langchain_utilities.model": targets(_MODEL_BASES, "LCToolComponent"),
    "base.langchain_utilities.spider_constants": {"MODES": f"{_OPTIONS}:SPIDER_MODES"},
    "base.mcp.util": {
        **targets(_SCHEMAS, "create_input_schema_from_json_schema"),
        **targets("headrace.compat.mcp", "MCPStdioClient", "MCPStreamableHttpClient", "update_tools"),
    },
    "base.memory.model": targets(_CHAINS, "LCChatMemoryComponent"),
    "base.models.anthropic_constants": {
        **targets(
            _MODEL_NAMES,
            "ANTHROPIC_MODELS",
            "TOOL_CALLING_SUPPORTED_ANTHROPIC_MODELS",
            "TOOL_CALLING_UNSUPPORTED_ANTHROPIC_MODELS",
        ),
        **targets(_OPTIONS, "DEFAULT_ANTHROPIC_API_URL"),
    },
    "base.models.aws_constants": {
        "AWS_MODEL_IDs": f"{_MODEL_NAMES}:AWS_MODEL_IDS",
        **targets(_MODEL_NAMES, "AWS_EMBEDDING_MODEL_IDS"),
        **targets(_OPTIONS, "AWS_REGIONS"),
    },
    "base.models.chat_result": targets(_CHAT_MODELS, "get_chat_result"),
    "base.models.cometapi_constants": {"MODEL_NAMES": f"{_MODEL_NAMES}:COMETAPI_MODEL_NAMES"},
    "base.models.google_generative_ai_constants": targets(_MODEL_NAMES, "GOOGLE_GENERATIVE_AI_MODELS"),
    "base.models.groq_constants": targets(_MODEL_NAMES, "GROQ_MODELS"),
    "base.models.model": targets(_MODEL_BASES, "LCModelComponent"),
    "base.models.model_input_constants": {
        **targets(
            _PROVIDERS,
            "ALL_PROVIDER_FIELDS",
            "MODELS_METADATA",
            "MODEL_DYNAMIC_UPDATE_FIELDS",
            "MODEL_PROVIDERS",
            "MODEL_PROVIDERS_LIST",
        ),
        **targets("headrace.compat.provider_models", "MODEL_PROVIDERS_DICT"),
    },
    "base.models.model_utils": {
        **targets(_CHAT_MODELS, "get_model_name"),
        **targets(_OLLAMA, "get_ollama_models", "is_valid_ollama_url"),
    },
    "base.models.novita_constants": {"MODEL_NAMES": f"{_MODEL_NAMES}:NOVITA_MODEL_NAMES"},
    "base.models.ollama_constants": targets(_MODEL_NAMES, "OLLAMA_EMBEDDING_MODELS"),
    "base.models.openai_constants": targets(
        _MODEL_NAMES, "OPENAI_CHAT_MODEL_NAMES", "OPENAI_EMBEDDING_MODEL_NAMES", "OPENAI_REASONING_MODEL_NAMES"
    ),
    "base.models.sambanova_constants": targets(_MODEL_NAMES, "SAMBANOVA_MODEL_NAMES"),
    "base.models.watsonx_constants": {
        **targets(_OPTIONS, "IBM_WATSONX_URLS"),
        **targets(_MODEL_NAMES, "WATSONX_EMBEDDING_MODEL_NAMES"),
    },
    "base.prompts.api_utils": targets("headrace.compat.build_config", "process_prompt_template"),
    "base.textsplitters.model": targets(_DOCUMENTS, "LCTextSplitterComponent"),
    "base.vectorstores.model": targets(_DOCUMENTS, "LCVectorStoreComponent", "check_cached_vector_store"),
    "base.vectorstores.utils": targets(_RECORDS, "chroma_collection_to_data"),
    "base.vectorstores.vector_store_connection_decorator": targets(_DOCUMENTS, "vector_store_connection"),
    "components.langchain_utilities.tool_calling": targets(_AGENTS, "ToolCallingAgentComponent"),
    "components.processing.converter": targets(_RECORDS, "convert_to_data", "convert_to_dataframe"),
}
