"""Recognise component sources that Langflow published, by their hash.

A flow file carries the source of every component. A source whose hash is in the table is one that Langflow 1.0 to
1.13 shipped: the server runs its own implementation of that type instead. The table is package data, read on first use.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

from headrace.component.node_json import code_hash

#: Types that Langflow renamed: the name in older or newer versions to the name in version 1.7.
RENAMED_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "AstraAssistantManager": "Astra Assistant Agent",
        "AstraDBToolComponent": "AstraDBTool",
        "DataFrameOperationsComponent": "DataFrameOperations",
        "DuckDuckGoSearch": "DuckDuckGoSearchComponent",
        "GitLoader": "GitLoaderComponent",
        "GleanAPI": "GleanSearchAPIComponent",
        "Graph RAG": "GraphRAG",
        "KBIngestion": "KnowledgeIngestion",
        "KBRetrieval": "KnowledgeRetrieval",
        "LLMRouterComponent": "LLMSelectorComponent",
        "LambdaFilter": "Smart Transform",
        "MCPSse": "MCPTools",
        "MCPStdio": "MCPTools",
        "MergeData": "MergeDataComponent",
        "Metaphor": "ExaSearch",
        "MetaphorToolkit": "ExaSearch",
        "NVIDIAIngest": "NvidiaIngestComponent",
        "OpenSearch": "OpenSearchVectorStoreComponent",
        "Prompt": "Prompt Template",
        "Smart Function": "Smart Transform",
        "StructuredOutputComponent": "StructuredOutput",
        "URL": "URLComponent",
        "WebSearchNoAPI": "UnifiedWebSearch",
        "YFinanceTool": "YahooFinanceTool",
        "YouTubeTranscriptsComponent": "YouTubeTranscripts",
        "parser": "ParserComponent",
    }
)


def current_type(type_name: str) -> str:
    """Return the present name of a component type; a name that was never changed is returned as it is."""
    return RENAMED_TYPES.get(type_name, type_name)


def published_type(code: str) -> str | None:
    """Return the present name of the type that Langflow published this source for.

    Args:
        code: the source of a component.

    Returns:
        The type name, or None if Langflow did not publish this source. The type may be one that version 1.7 no
        longer has.

    """
    type_name = types_by_hash().get(code_hash(code))
    return None if type_name is None else current_type(type_name)


def is_published(code: str) -> bool:
    """Return whether Langflow published this component source."""
    return published_type(code) is not None


@functools.cache
def types_by_hash() -> Mapping[str, str]:
    """Return the table of code hash to type name, reading it on the first call."""
    text = resources.files("headrace.compat.published").joinpath("code_hashes.json").read_text(encoding="utf-8")
    hashes: dict[str, str] = json.loads(text)
    return MappingProxyType({digest: name for name, digests in hashes.items() for digest in digests.split(" ")})
