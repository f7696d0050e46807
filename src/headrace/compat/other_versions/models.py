"""Names of other versions: models, agents, and components that use a model."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.compat.other_versions.mapping import (
    IGNORED,
    TOOLSET,
    OtherNames,
    alike,
    converted,
    dropped,
    fields,
    ignored,
    moved,
    ported,
    removed,
    renamed,
)
from headrace.compat.other_versions.values import (
    agent_fields,
    language_model_fields,
)

_IN_THE_MODEL = dropped("the field of the connected model component")
_OUTPUT_PARSER = {"output_parser": dropped("a Structured Output component after the model")}
_OWN_MODEL = {
    "model": ported("llm"),
    "api_key": _IN_THE_MODEL,
    "base_url_ibm_watsonx": _IN_THE_MODEL,
    "project_id": _IN_THE_MODEL,
}

AGENTS: Mapping[str, OtherNames] = {
    "Agent": OtherNames(
        fields={
            "model": converted(agent_fields, "agent_llm"),
            "base_url_ibm_watsonx": renamed("base_url"),
            "stream": IGNORED,
            "add_calculator_tool": dropped("a Calculator component in tool mode, connected to 'tools'"),
        },
        outputs={"structured_response": removed("'response' with a Structured Output component after it")},
    ),
    "Cuga": OtherNames(
        fields=ignored("policies", "format_instructions", "output_schema", "API"),
        outputs={"structured_response": removed("'response' with a Structured Output component after it")},
    ),
    "CSVAgent": fields(_OWN_MODEL, ignored("allow_dangerous_code")),
    **alike(("OpenAIToolsAgent", "OpenAPIAgent", "SQLAgent", "XMLAgent"), fields(_OWN_MODEL)),
    "ToolCallingAgent": fields(_OWN_MODEL, ignored("user_prompt")),
    "HierarchicalCrewComponent": fields({"openai_api_key": _IN_THE_MODEL}),
    "Astra Assistant Agent": fields({"tool": dropped("'input_tools', connected to the tools")}),
    "MCPTools": OtherNames(
        # The address is converted from several fields at once: `values.mcp_server`.
        fields={
            **ignored("url", "sse_url", "mode", "headers_input", "headers", "env", "tool_execution_timeout"),
            "command": dropped("'mcp_server' with a server of your settings"),
        },
        outputs={"tools": moved(TOOLSET)},
    ),
}

MODELS: Mapping[str, OtherNames] = {
    "LanguageModelComponent": fields({"model": converted(language_model_fields, "model_name"), "max_tokens": IGNORED}),
    "EmbeddingModel": fields({"model_name": renamed("model")}),
    "AIMLModel": fields(ignored("seed"), _OUTPUT_PARSER),
    "AmazonBedrockEmbeddings": fields(
        {"aws_access_key": renamed("aws_access_key_id"), "aws_secret_key": renamed("aws_secret_access_key")}
    ),
    "AmazonBedrockModel": fields(
        {"aws_access_key": renamed("aws_access_key_id"), "aws_secret_key": renamed("aws_secret_access_key")},
        _OUTPUT_PARSER,
    ),
    "AnthropicModel": fields(
        {
            "model": renamed("model_name"),
            "anthropic_api_key": renamed("api_key"),
            "anthropic_api_url": renamed("base_url"),
            "prefill": dropped("'system_message' to say how the answer starts"),
        },
        _OUTPUT_PARSER,
    ),
    **alike(
        (
            "AzureOpenAIModel",
            "BaiduQianfanChatModel",
            "CohereModel",
            "HuggingFaceModel",
            "LMStudioModel",
            "Maritalk",
            "MistralModel",
            "VertexAiModel",
        ),
        fields(_OUTPUT_PARSER),
    ),
    "CohereEmbeddings": fields({"cohere_api_key": renamed("api_key"), "model": renamed("model_name")}),
    "GoogleGenerativeAIModel": fields(
        {"model": renamed("model_name"), "google_api_key": renamed("api_key")}, _OUTPUT_PARSER
    ),
    "GroqModel": fields({"groq_api_key": renamed("api_key"), "groq_api_base": renamed("base_url")}, _OUTPUT_PARSER),
    "HuggingFaceInferenceAPIEmbeddings": fields({"api_url": renamed("inference_endpoint")}),
    "IBMwatsonxModel": fields({"url": renamed("base_url"), "space_id": dropped("'project_id'")}),
    "NVIDIAModelComponent": fields({"nvidia_api_key": renamed("api_key")}, _OUTPUT_PARSER),
    "OllamaEmbeddings": fields({"model": renamed("model_name")}, ignored("temperature", "api_key")),
    "OllamaModel": fields({"verbose": renamed("enable_verbose_output")}, _OUTPUT_PARSER),
    "OpenAIModel": fields({"output_schema": dropped("a Structured Output component after the model")}, _OUTPUT_PARSER),
    "OpenRouterComponent": fields(ignored("provider")),
    "PerplexityModel": fields({"max_output_tokens": renamed("max_tokens")}, ignored("top_k"), _OUTPUT_PARSER),
    "SambaNovaModel": fields({"sambanova_url": renamed("base_url"), "sambanova_api_key": renamed("api_key")}),
    "WatsonxEmbeddingsComponent": fields({"space_id": dropped("'project_id'")}),
}

LLM_OPERATIONS: Mapping[str, OtherNames] = {
    # Its `model` is a port in every version.
    "BatchRunComponent": fields(dict.fromkeys(("api_key", "base_url_ibm_watsonx", "project_id"), _IN_THE_MODEL)),
    "LLMSelectorComponent": OtherNames(outputs={"selected_model": moved("selected_model_info")}),
    "Smart Transform": OtherNames(
        fields={"model": ported("llm"), "api_key": _IN_THE_MODEL},
        outputs={
            "filtered_data": moved("data_output"),
            "dataframe": moved("dataframe_output"),
            "message_output": removed("'data_output' with a Parser component after it"),
        },
    ),
    "SmartRouter": OtherNames(
        fields={"model": ported("llm"), "api_key": _IN_THE_MODEL},
        outputs={"default_result": removed("'enable_else_output', which adds the output")},
    ),
    "StructuredOutput": OtherNames(
        fields={"multiple": IGNORED, "model": ported("llm"), "api_key": _IN_THE_MODEL},
        outputs={"structured_output_dataframe": moved("dataframe_output")},
    ),
}
