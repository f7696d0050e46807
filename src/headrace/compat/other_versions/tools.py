"""Names of other versions: chat, flow control, processing, search and other tools."""

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
    removed,
    renamed,
    united,
)
from headrace.compat.other_versions.values import (
    agentql_parameters,
    request_mode,
    request_url,
)

_COLORS = ("background_color", "chat_icon", "text_color")

INPUT_OUTPUT: Mapping[str, OtherNames] = {
    "ChatInput": fields(ignored(*_COLORS)),
    "ChatOutput": fields(ignored(*_COLORS)),
    "TextInput": fields(ignored("use_global_variable")),
    "Prompt Template": fields({"use_double_brackets": IGNORED}),
}

FLOW_CONTROLS: Mapping[str, OtherNames] = {
    "ConditionalRouter": fields({"message": renamed("true_case_message", "false_case_message")}),
    "FlowTool": fields({"name": renamed("tool_name"), "description": renamed("tool_description")}),
    "RunFlow": OtherNames(
        fields={
            "input_value": dropped("the input fields that appear once a flow is selected"),
            "flow_name": renamed("flow_name_selected"),
            "tweaks": dropped("the input fields that appear once a flow is selected"),
        },
        outputs={"run_outputs": removed("the outputs that appear once a flow is selected")},
    ),
}

PROCESSING: Mapping[str, OtherNames] = {
    "DataFrameOperations": fields(
        {
            name: dropped("a Combine Data component to merge tables")
            for name in ("left_dataframe", "right_dataframe", "merge_on_column", "merge_how")
        }
    ),
    "Memory": OtherNames(
        outputs={
            "messages": moved("dataframe", "messages_text"),
            "lc_memory": removed("'messages_text' or 'dataframe'"),
            "stored_messages": moved("dataframe", "messages_text"),
        }
    ),
    "MergeDataComponent": OtherNames(outputs={"merged_data": moved("combined_data")}),
    "ParserComponent": fields(ignored("clean_data")),
    "SplitText": OtherNames(fields=ignored("clean_output"), outputs={"chunks": moved("dataframe")}),
    "TypeConverterComponent": OtherNames(
        outputs={
            "data_output": removed("'message_output', or select Data as the output type"),
            "dataframe_output": removed("'message_output', or select DataFrame as the output type"),
        }
    ),
}

SEARCH: Mapping[str, OtherNames] = {
    "APIRequest": OtherNames(
        fields={
            "urls": converted(request_url, "url_input"),
            "curl": renamed("curl_input"),
            "use_curl": converted(request_mode),
        },
        outputs={"dataframe": moved("data")},
    ),
    "AgentQL": fields({"params": converted(agentql_parameters)}),
    "GoogleSerperAPI": fields({"input_value": renamed("query")}),
    "SQLComponent": OtherNames(
        outputs=dict.fromkeys(("text", "data", "dataframe", "sql_query_results"), moved("run_sql_query"))
    ),
    "URLComponent": OtherNames(
        fields=ignored("follow_redirects"),
        outputs={
            "data": moved("page_results"),
            "text": moved("raw_results"),
            "dataframe": moved("page_results"),
        },
    ),
    "UnifiedWebSearch": fields(ignored("max_results", "max_content_length")),
    "ArXivComponent": united("papers", "data"),
    **alike(
        (
            "DuckDuckGoSearchComponent",
            "SearchComponent",
            "TavilyExtractComponent",
            "TavilySearchComponent",
            "WikidataComponent",
            "WikipediaComponent",
            "YfinanceComponent",
        ),
        united("data", "text"),
    ),
    **alike(("GleanSearchAPIComponent", "WolframAlphaAPI"), united("data")),
    "YahooFinanceTool": OtherNames(
        fields={"input_value": renamed("symbol")}, outputs={"tool": moved("api_build_tool", TOOLSET)}
    ),
    "YouTubeTranscripts": OtherNames(
        fields={"transcript_format": IGNORED, "language": dropped("'translation'")},
        outputs={
            "transcripts": moved("message", "data_output", "dataframe"),
            "transcripts_tool": moved(TOOLSET),
        },
    ),
    "needle": fields(ignored("openai_api_key", "output_type")),
    "PythonREPLTool": fields(ignored("code"), {"python_code": dropped("a Python Interpreter component")}),
}
