"""The modules with the component class, its inputs and outputs, and the values that travel between ports."""

from __future__ import annotations

from headrace.compat.module_map.targets import targets

_INPUTS = targets(
    "headrace.component",
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
_RANGE = targets("headrace.component", "RangeSpec")
_OUTPUT = targets("headrace.component", "Output")
_COMPONENT = {
    "Component": "headrace.compat.component:Component",
    "ComponentWithCache": "headrace.compat.component:Component",
}
_DATA = targets("headrace.schema", "Data")
_MESSAGE = targets("headrace.schema", "Message")
_DATAFRAME = targets("headrace.schema.dataframe", "DataFrame")
_DOTDICT = targets("headrace.compat.dotdict", "dotdict")
_FIELD_TYPING = {
    **targets(
        "langchain_core.language_models",
        "BaseChatModel",
        "BaseLLM",
        "BaseLanguageModel",
    ),
    **targets("langchain_core.documents", "BaseDocumentCompressor", "Document"),
    **targets("langchain_core.prompts", "BasePromptTemplate", "ChatPromptTemplate", "PromptTemplate"),
    "AgentExecutor": "langchain_classic.agents:AgentExecutor",
    "BaseChatMemory": "langchain_classic.memory.chat_memory:BaseChatMemory",
    "BaseLoader": "langchain_core.document_loaders:BaseLoader",
    "BaseMemory": "langchain_classic.base_memory:BaseMemory",
    "BaseOutputParser": "langchain_core.output_parsers:BaseOutputParser",
    "BaseRetriever": "langchain_core.retrievers:BaseRetriever",
    "Callable": "collections.abc:Callable",
    "Chain": "langchain_classic.chains.base:Chain",
    "Code": "builtins:str",
    "Data": "headrace.schema:Data",
    "Embeddings": "langchain_core.embeddings:Embeddings",
    "LanguageModel": "langchain_core.language_models:BaseLanguageModel",
    "Memory": "langchain_core.chat_history:BaseChatMessageHistory",
    "NestedDict": "builtins:dict",
    "Object": "builtins:object",
    "OutputParser": "langchain_core.output_parsers:BaseOutputParser",
    "Retriever": "langchain_core.retrievers:BaseRetriever",
    "Text": "builtins:str",
    "TextSplitter": "langchain_text_splitters:TextSplitter",
    "Tool": "langchain_core.tools:Tool",
    "VectorStore": "langchain_core.vectorstores:VectorStore",
    **_RANGE,
}
#: Named by its path only: flows written in Python are run by `headrace.runs`, a layer above this one.
_GRAPH = targets("headrace.runs.python_flow", "Graph")
_TOOLKIT = "headrace.compat.toolkit:get_component_toolkit"

COMPONENT_MODULES: dict[str, dict[str, str]] = {
    "": _COMPONENT,
    "custom": _COMPONENT,
    "custom.custom_component.component": {
        **_COMPONENT,
        "_get_component_toolkit": _TOOLKIT,
        "get_component_toolkit": _TOOLKIT,
    },
    "custom.custom_component.component_with_cache": _COMPONENT,
    "custom.custom_component.custom_component": _COMPONENT,
    "custom.utils": targets("headrace.compat.build_config", "update_component_build_config"),
    "field_typing": _FIELD_TYPING,
    "field_typing.constants": _FIELD_TYPING,
    "field_typing.range_spec": _RANGE,
    "graph": _GRAPH,
    "graph.graph.base": _GRAPH,
    "inputs": {**_INPUTS, **_RANGE},
    "inputs.inputs": {
        **_INPUTS,
        **_RANGE,
        "FieldTypes": "headrace.compat.field_types:FieldTypes",
        "InputTypes": "headrace.component.inputs:Input",
    },
    "io": {**_INPUTS, **_OUTPUT},
    "io.schema": targets("headrace.compat.schemas", "flatten_schema", "schema_to_langflow_inputs"),
    "schema": {**_DATA, **_MESSAGE, **_DATAFRAME, **_DOTDICT},
    "schema.content_block": targets("headrace.compat.content_blocks", "ContentBlock"),
    "schema.content_types": targets(
        "headrace.compat.content_blocks",
        "CodeContent",
        "ErrorContent",
        "JSONContent",
        "MediaContent",
        "TextContent",
        "ToolContent",
    ),
    "schema.data": _DATA,
    "schema.dataframe": _DATAFRAME,
    "schema.dotdict": _DOTDICT,
    "schema.log": targets(
        "headrace.compat.callback_types", "LoggableType", "OnTokenFunctionType", "SendMessageFunctionType"
    ),
    "schema.message": {
        **_MESSAGE,
        "MESSAGE_SENDER_AI": "headrace.schema.message:SENDER_AI",
        "MESSAGE_SENDER_USER": "headrace.schema.message:SENDER_USER",
        "MESSAGE_SENDER_NAME_AI": "headrace.schema.message:SENDER_NAME_AI",
        "MESSAGE_SENDER_NAME_USER": "headrace.schema.message:SENDER_NAME_USER",
    },
    "schema.properties": targets("headrace.schema.properties", "Properties", "Source"),
    "schema.table": targets("headrace.compat.field_types", "EditMode"),
    "template": _OUTPUT,
    "template.field.base": _OUTPUT,
    "template.utils": targets("headrace.compat.build_config", "update_template_values"),
}
