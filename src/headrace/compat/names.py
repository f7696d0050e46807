"""Which name stands for what: `lfx.<module>` and `langflow.<module>` to an object here, imported when it is asked for."""

from __future__ import annotations

_INPUTS = {
    name: f"headrace.component:{name}"
    for name in (
        "BoolInput",
        "CodeInput",
        "DataFrameInput",
        "DataInput",
        "DefaultPromptField",
        "DictInput",
        "DropdownInput",
        "FileInput",
        "FloatInput",
        "HandleInput",
        "IntInput",
        "McpInput",
        "MessageInput",
        "MessageTextInput",
        "MultilineInput",
        "MultilineSecretInput",
        "MultiselectInput",
        "NestedDictInput",
        "PromptInput",
        "QueryInput",
        "SecretStrInput",
        "SliderInput",
        "SortableListInput",
        "StrInput",
        "TabInput",
        "TableInput",
    )
}
_OUTPUT = {"Output": "headrace.component:Output"}
_COMPONENT = {
    "Component": "headrace.compat.component:Component",
    "ComponentWithCache": "headrace.compat.component:Component",
}
_DATA = {"Data": "headrace.schema:Data"}
_MESSAGE = {"Message": "headrace.schema:Message"}
_FRAME = {"DataFrame": "headrace.schema.dataframe:DataFrame"}
_DOTDICT = {"dotdict": "headrace.compat.values:dotdict"}
_LOGGER = {"logger": "headrace.compat.values:logger"}
_SENDERS = {
    "MESSAGE_SENDER_AI": "headrace.schema.message:SENDER_AI",
    "MESSAGE_SENDER_USER": "headrace.schema.message:SENDER_USER",
    "MESSAGE_SENDER_NAME_AI": "headrace.schema.message:SENDER_NAME_AI",
    "MESSAGE_SENDER_NAME_USER": "headrace.schema.message:SENDER_NAME_USER",
}
_RANGE = {"RangeSpec": "headrace.component:RangeSpec"}
_TYPES = {
    "BaseChatModel": "langchain_core.language_models:BaseChatModel",
    "BaseDocumentCompressor": "langchain_core.documents:BaseDocumentCompressor",
    "BaseRetriever": "langchain_core.retrievers:BaseRetriever",
    "Document": "langchain_core.documents:Document",
    "Embeddings": "langchain_core.embeddings:Embeddings",
    "LanguageModel": "langchain_core.language_models:BaseLanguageModel",
    "Retriever": "langchain_core.retrievers:BaseRetriever",
    "Text": "builtins:str",
    "AgentExecutor": "langchain_classic.agents:AgentExecutor",
    "BaseChatMemory": "langchain_classic.memory.chat_memory:BaseChatMemory",
    "BaseLLM": "langchain_core.language_models:BaseLLM",
    "BaseLanguageModel": "langchain_core.language_models:BaseLanguageModel",
    "BaseLoader": "langchain_core.document_loaders:BaseLoader",
    "BaseMemory": "langchain_classic.base_memory:BaseMemory",
    "BaseOutputParser": "langchain_core.output_parsers:BaseOutputParser",
    "BasePromptTemplate": "langchain_core.prompts:BasePromptTemplate",
    "Callable": "collections.abc:Callable",
    "Chain": "langchain_classic.chains.base:Chain",
    "ChatPromptTemplate": "langchain_core.prompts:ChatPromptTemplate",
    "Code": "builtins:str",
    "Data": "headrace.schema:Data",
    "Memory": "langchain_core.chat_history:BaseChatMessageHistory",
    "NestedDict": "builtins:dict",
    "Object": "builtins:object",
    "OutputParser": "langchain_core.output_parsers:BaseOutputParser",
    "PromptTemplate": "langchain_core.prompts:PromptTemplate",
    "TextSplitter": "langchain_text_splitters:TextSplitter",
    "Tool": "langchain_core.tools:Tool",
    "VectorStore": "langchain_core.vectorstores:VectorStore",
    **_RANGE,
}
_RECORDS = {
    "data_to_text": "headrace.compat.records:data_to_text",
    "data_to_text_list": "headrace.compat.records:data_to_text_list",
    "docs_to_data": "headrace.compat.records:docs_to_data",
    "safe_convert": "headrace.compat.records:safe_convert",
}
_CONSTANTS = "headrace.compat.constants"
#: Of a layer above this one: a flow in Python is run, which nothing here does.
_GRAPH = "headrace.runs.python_flow:Graph"
_HELPERS = "headrace.compat.helpers"
_SERVICES = "headrace.compat.services"
_DOCUMENTS = "headrace.compat.documents"
_CHAINS = "headrace.compat.chains"
_AGENTS = "headrace.compat.agents"
_SCHEMAS = "headrace.compat.schemas"
_FILES = "headrace.compat.files"
_MODELS = {
    "OPENAI_EMBEDDING_MODEL_NAMES": f"{_CONSTANTS}:OPENAI_EMBEDDING_MODEL_NAMES",
    "OPENAI_CHAT_MODEL_NAMES": "headrace.compat.values:OPENAI_CHAT_MODEL_NAMES",
    "OPENAI_REASONING_MODEL_NAMES": "headrace.compat.values:OPENAI_REASONING_MODEL_NAMES",
}
_FIELDS = {
    "set_current_fields": "headrace.compat.values:set_current_fields",
    "set_field_advanced": "headrace.compat.values:set_field_advanced",
    "set_field_display": "headrace.compat.values:set_field_display",
}

#: Module, without its root, to the names in it.
MODULES: dict[str, dict[str, str]] = {
    "": {**_COMPONENT},
    "base.models.openai_constants": _MODELS,
    "base.data.utils": {
        "IMG_FILE_TYPES": "headrace.component.file_types:IMAGE_FILE_TYPES",
        "TEXT_FILE_TYPES": "headrace.component.file_types:TEXT_FILE_TYPES",
        "parallel_load_data": f"{_FILES}:parallel_load_data",
        "parse_text_file_to_data": f"{_FILES}:parse_text_file_to_data",
    },
    "base.agents.agent": {name: f"{_AGENTS}:{name}" for name in ("LCAgentComponent", "LCToolsAgentComponent")},
    "base.agents.events": {
        "ExceptionWithMessageError": f"{_HELPERS}:ExceptionWithMessageError",
        "process_agent_events": "headrace.compat.agent_events:process_agent_events",
    },
    "base.agents.utils": {
        "maybe_unflatten_dict": f"{_SCHEMAS}:maybe_unflatten_dict",
        "safe_cache_get": f"{_SERVICES}:safe_cache_get",
        "safe_cache_set": f"{_SERVICES}:safe_cache_set",
    },
    "base.chains.model": {"LCChainComponent": f"{_CHAINS}:LCChainComponent"},
    "base.compressors.model": {"LCCompressorComponent": f"{_DOCUMENTS}:LCCompressorComponent"},
    "base.curl.parse": {"parse_context": "headrace.compat.curl:parse_context"},
    "base.data": {"BaseFileComponent": f"{_FILES}:BaseFileComponent"},
    "base.data.base_file": {"BaseFileComponent": f"{_FILES}:BaseFileComponent"},
    "base.data.storage_utils": {
        name: f"{_FILES}:{name}"
        for name in ("parse_storage_path", "read_file_bytes", "read_file_text", "validate_image_content_type")
    },
    "base.document_transformers.model": {
        "LCDocumentTransformerComponent": f"{_DOCUMENTS}:LCDocumentTransformerComponent"
    },
    "base.langchain_utilities.spider_constants": {"MODES": f"{_CONSTANTS}:SPIDER_MODES"},
    "base.mcp.util": {
        "create_input_schema_from_json_schema": f"{_SCHEMAS}:create_input_schema_from_json_schema",
        **{
            name: f"headrace.compat.mcp:{name}"
            for name in ("MCPStdioClient", "MCPStreamableHttpClient", "update_tools")
        },
    },
    "base.memory.model": {"LCChatMemoryComponent": f"{_CHAINS}:LCChatMemoryComponent"},
    "base.models.anthropic_constants": {
        name: f"{_CONSTANTS}:{name}"
        for name in (
            "ANTHROPIC_MODELS",
            "DEFAULT_ANTHROPIC_API_URL",
            "TOOL_CALLING_SUPPORTED_ANTHROPIC_MODELS",
            "TOOL_CALLING_UNSUPPORTED_ANTHROPIC_MODELS",
        )
    },
    "base.models.aws_constants": {
        "AWS_EMBEDDING_MODEL_IDS": f"{_CONSTANTS}:AWS_EMBEDDING_MODEL_IDS",
        "AWS_MODEL_IDs": f"{_CONSTANTS}:AWS_MODEL_IDS",
        "AWS_REGIONS": f"{_CONSTANTS}:AWS_REGIONS",
    },
    "base.models.chat_result": {"get_chat_result": f"{_HELPERS}:get_chat_result"},
    "base.models.cometapi_constants": {"MODEL_NAMES": f"{_CONSTANTS}:COMETAPI_MODEL_NAMES"},
    "base.models.google_generative_ai_constants": {
        "GOOGLE_GENERATIVE_AI_MODELS": f"{_CONSTANTS}:GOOGLE_GENERATIVE_AI_MODELS"
    },
    "base.models.groq_constants": {"GROQ_MODELS": f"{_CONSTANTS}:GROQ_MODELS"},
    "base.models.model_input_constants": {
        **{
            name: f"{_CONSTANTS}:{name}"
            for name in (
                "ALL_PROVIDER_FIELDS",
                "MODELS_METADATA",
                "MODEL_DYNAMIC_UPDATE_FIELDS",
                "MODEL_PROVIDERS",
                "MODEL_PROVIDERS_LIST",
            )
        },
        "MODEL_PROVIDERS_DICT": "headrace.compat.provider_models:MODEL_PROVIDERS_DICT",
    },
    "base.models.model_utils": {
        "get_model_name": f"{_HELPERS}:get_model_name",
        "get_ollama_models": "headrace.compat.ollama:get_ollama_models",
        "is_valid_ollama_url": "headrace.compat.ollama:is_valid_ollama_url",
    },
    "base.models.novita_constants": {"MODEL_NAMES": f"{_CONSTANTS}:NOVITA_MODEL_NAMES"},
    "base.models.ollama_constants": {"OLLAMA_EMBEDDING_MODELS": f"{_CONSTANTS}:OLLAMA_EMBEDDING_MODELS"},
    "base.models.sambanova_constants": {"SAMBANOVA_MODEL_NAMES": f"{_CONSTANTS}:SAMBANOVA_MODEL_NAMES"},
    "base.models.watsonx_constants": {
        name: f"{_CONSTANTS}:{name}" for name in ("IBM_WATSONX_URLS", "WATSONX_EMBEDDING_MODEL_NAMES")
    },
    "base.prompts.api_utils": {"process_prompt_template": f"{_HELPERS}:process_prompt_template"},
    "base.textsplitters.model": {"LCTextSplitterComponent": f"{_DOCUMENTS}:LCTextSplitterComponent"},
    "base.vectorstores.model": {
        name: f"{_DOCUMENTS}:{name}" for name in ("LCVectorStoreComponent", "check_cached_vector_store")
    },
    "base.vectorstores.utils": {"chroma_collection_to_data": "headrace.compat.records:chroma_collection_to_data"},
    "base.vectorstores.vector_store_connection_decorator": {
        "vector_store_connection": f"{_DOCUMENTS}:vector_store_connection"
    },
    "base.embeddings.model": {"LCEmbeddingsModel": "headrace.compat.bases:LCEmbeddingsModel"},
    "base.io.chat": {"ChatComponent": "headrace.compat.bases:ChatComponent"},
    "base.io.text": {"TextComponent": "headrace.compat.component:Component"},
    "base.langchain_utilities.model": {"LCToolComponent": "headrace.compat.bases:LCToolComponent"},
    "base.models.model": {"LCModelComponent": "headrace.compat.bases:LCModelComponent"},
    "components.processing.converter": {
        "convert_to_data": "headrace.compat.records:convert_to_data",
        "convert_to_dataframe": "headrace.compat.records:convert_to_dataframe",
    },
    "components.langchain_utilities.tool_calling": {
        "ToolCallingAgentComponent": f"{_AGENTS}:ToolCallingAgentComponent"
    },
    "custom": _COMPONENT,
    "custom.custom_component.component": {
        **_COMPONENT,
        "_get_component_toolkit": "headrace.compat.toolkit:get_component_toolkit",
        "get_component_toolkit": "headrace.compat.toolkit:get_component_toolkit",
    },
    "custom.custom_component.component_with_cache": _COMPONENT,
    "custom.custom_component.custom_component": _COMPONENT,
    "custom.utils": {"update_component_build_config": f"{_HELPERS}:update_component_build_config"},
    "field_typing": _TYPES,
    "field_typing.constants": _TYPES,
    "field_typing.range_spec": _RANGE,
    "graph": {"Graph": _GRAPH},
    "graph.graph.base": {"Graph": _GRAPH},
    "helpers": _RECORDS,
    "helpers.base_model": {"build_model_from_schema": "headrace.models.structured:schema_of"},
    "helpers.data": _RECORDS,
    "inputs": {**_INPUTS, **_RANGE},
    "inputs.inputs": {
        **_INPUTS,
        **_RANGE,
        "FieldTypes": "headrace.compat.values:FieldTypes",
        "InputTypes": "headrace.component.inputs:Input",
    },
    "io": {**_INPUTS, **_OUTPUT},
    "io.schema": {name: f"{_SCHEMAS}:{name}" for name in ("flatten_schema", "schema_to_langflow_inputs")},
    "log": _LOGGER,
    "log.logger": _LOGGER,
    "logging": _LOGGER,
    "logging.logger": _LOGGER,
    "memory": {
        name: f"headrace.compat.memory:{name}" for name in ("aget_messages", "astore_message", "delete_message")
    },
    "schema": {**_DATA, **_MESSAGE, **_FRAME, **_DOTDICT},
    "schema.content_block": {"ContentBlock": "headrace.compat.content:ContentBlock"},
    "schema.content_types": {
        name: f"headrace.compat.content:{name}"
        for name in ("CodeContent", "ErrorContent", "JSONContent", "MediaContent", "TextContent", "ToolContent")
    },
    "schema.data": _DATA,
    "schema.dataframe": _FRAME,
    "schema.dotdict": _DOTDICT,
    "schema.log": {
        name: f"headrace.compat.values:{name}"
        for name in ("LoggableType", "OnTokenFunctionType", "SendMessageFunctionType")
    },
    "schema.message": {**_MESSAGE, **_SENDERS},
    "schema.properties": {
        "Properties": "headrace.schema.properties:Properties",
        "Source": "headrace.schema.properties:Source",
    },
    "schema.table": {"EditMode": "headrace.compat.bases:EditMode"},
    "serialization": {"serialize": f"{_HELPERS}:serialize"},
    "services.auth.utils": {name: f"{_HELPERS}:{name}" for name in ("decrypt_api_key", "encrypt_api_key")},
    "services.cache.utils": {
        "CACHE_DIR": "headrace.compat.values:CACHE_DIR",
        "CacheMiss": f"{_SERVICES}:CacheMiss",
    },
    "services.database.models.user.crud": {"get_user_by_id": f"{_SERVICES}:get_user_by_id"},
    "services.deps": {
        name: f"{_SERVICES}:{name}"
        for name in ("get_settings_service", "get_storage_service", "get_variable_service", "session_scope")
    },
    "template": _OUTPUT,
    "template.field.base": _OUTPUT,
    "template.utils": {"update_template_values": f"{_HELPERS}:update_template_values"},
    "utils.async_helpers": {"run_until_complete": "headrace.compat.current:run_until_complete"},
    "utils.component_utils": _FIELDS,
    "utils.connection_string_parser": {"transform_connection_string": f"{_HELPERS}:transform_connection_string"},
    "utils.constants": _SENDERS,
    "utils.request_utils": {"get_user_agent": f"{_HELPERS}:get_user_agent"},
    "utils.ssrf_protection": {name: f"{_HELPERS}:{name}" for name in ("SSRFProtectionError", "validate_url_for_ssrf")},
    "utils.util": {
        "transform_localhost_url": "headrace.compat.values:transform_localhost_url",
        "unescape_string": "headrace.compat.values:unescape_string",
    },
    "utils.validate_cloud": {
        name: f"{_HELPERS}:{name}"
        for name in ("is_astra_cloud_environment", "raise_error_if_astra_cloud_disable_component")
    },
    "utils.version": {"get_version_info": f"{_HELPERS}:get_version_info"},
}

#: What to use instead of names that have no counterpart, by the beginning of their module's name.
INSTEAD: dict[str, str] = {
    "api": "Components call no endpoints of their own server; they reach their run through self.",
    "base.agents.altk": "The Agent component uses tools on any model.",
    "base.agents.crewai": "CrewAI is no part of the server: import crewai itself, or connect Agents as each other's tools.",
    "base.astra_assistants": "Use the package astra-assistants itself.",
    "base.data.docling_utils": "Use the package docling itself.",
    "base.data.utils": "read_file_text and parse_text_file_to_data read one file of the owner's.",
    "base.datastax": "Use the package astrapy itself.",
    "base.embeddings.aiml": "Inherit from LCEmbeddingsModel.",
    "base.flow_processing": "self.run_flow gives another flow's outputs.",
    "base.knowledge_bases": "Connect a Knowledge Retrieval component.",
    "base.langwatch": "Use the package langwatch itself.",
    "base.models.aiml": "Use the provider's own package.",
    "base.models.google_generative_ai_model": "Use ChatGoogleGenerativeAI of langchain-google-genai.",
    "base.models.groq": "Use ChatGroq of langchain-groq.",
    "base.tools": "Run Flow and Flow as Tool make tools of flows.",
    "custom.utils": "Use a Python Interpreter component for code in a field.",
    "graph": "Use self.graph for the session and the flow, and Graph to write flows in Python.",
    "helpers": "self.run_flow runs another of the owner's flows.",
    "services": "Components reach their run through self: self.get_variables, self.send_message, self.log.",
}
