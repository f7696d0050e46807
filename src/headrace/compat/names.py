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
_FRAME = {"DataFrame": "headrace.compat.dataframe:DataFrame"}
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
_MODELS = {
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
    },
    "base.embeddings.model": {"LCEmbeddingsModel": "headrace.compat.bases:LCEmbeddingsModel"},
    "base.io.chat": {"ChatComponent": "headrace.compat.component:Component"},
    "base.io.text": {"TextComponent": "headrace.compat.component:Component"},
    "base.langchain_utilities.model": {"LCToolComponent": "headrace.compat.bases:LCToolComponent"},
    "base.models.model": {"LCModelComponent": "headrace.compat.bases:LCModelComponent"},
    "custom": _COMPONENT,
    "custom.custom_component.component": _COMPONENT,
    "custom.custom_component.component_with_cache": _COMPONENT,
    "custom.custom_component.custom_component": _COMPONENT,
    "field_typing": _TYPES,
    "field_typing.constants": _TYPES,
    "field_typing.range_spec": _RANGE,
    "helpers": _RECORDS,
    "helpers.base_model": {"build_model_from_schema": "headrace.models.structured:schema_of"},
    "helpers.data": _RECORDS,
    "inputs": {**_INPUTS, **_RANGE},
    "inputs.inputs": {**_INPUTS, **_RANGE},
    "io": {**_INPUTS, **_OUTPUT},
    "log": _LOGGER,
    "log.logger": _LOGGER,
    "logging": _LOGGER,
    "logging.logger": _LOGGER,
    "schema": {**_DATA, **_MESSAGE, **_FRAME, **_DOTDICT},
    "schema.data": _DATA,
    "schema.dataframe": _FRAME,
    "schema.dotdict": _DOTDICT,
    "schema.message": {**_MESSAGE, **_SENDERS},
    "schema.properties": {
        "Properties": "headrace.schema.properties:Properties",
        "Source": "headrace.schema.properties:Source",
    },
    "schema.table": {"EditMode": "headrace.compat.bases:EditMode"},
    "template": _OUTPUT,
    "template.field.base": _OUTPUT,
    "utils.async_helpers": {"run_until_complete": "headrace.compat.values:run_until_complete"},
    "utils.component_utils": _FIELDS,
    "utils.constants": _SENDERS,
    "utils.util": {
        "transform_localhost_url": "headrace.compat.values:transform_localhost_url",
        "unescape_string": "headrace.compat.values:unescape_string",
    },
}

#: What to use instead of a module that has no counterpart.
INSTEAD: dict[str, str] = {
    "services": "Components reach their run through self: self.get_variables, self.send_message, self.log.",
    "memory": "Connect a Message History component, or use self.send_message.",
    "components": "Components of the server are not imported by others; connect them.",
    "graph": "Use self.graph for the session and the flow.",
}
