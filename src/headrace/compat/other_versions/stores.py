"""Names of other versions: vector stores, knowledge and files."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.compat.other_versions.mapping import (
    IGNORED,
    OtherNames,
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
    astra_filter,
    file_paths,
)

_RETRIEVER = dropped("'search_results', connected to the results of a search")
_ASTRA_OPTIONS = ignored(
    "metric",
    "batch_size",
    "bulk_insert_batch_concurrency",
    "bulk_insert_overwrite_concurrency",
    "bulk_delete_concurrency",
    "setup_mode",
    "pre_delete_collection",
    "metadata_indexing_include",
    "metadata_indexing_exclude",
    "collection_indexing_policy",
)

_ASTRA_EMBEDDING = dropped("the embedding of the collection")

STORES: Mapping[str, OtherNames] = {
    "AstraDB": fields(
        _ASTRA_OPTIONS,
        ignored(
            "embedding_service",
            "provider",
            "z_00_model_name",
            "z_01_model_parameters",
            "z_02_api_key_name",
            "z_03_provider_api_key",
            "z_04_authentication",
            "embedding_choice",
            "embedding_provider",
            "model",
            "new_database_name",
            "cloud_provider",
            "region",
            "new_collection_name",
            "embedding_generation_provider",
            "embedding_generation_model",
            "dimension",
            "api_key",
        ),
        {
            "search_input": renamed("search_query"),
            "namespace": renamed("keyspace"),
            "embedding": renamed("embedding_model"),
            "search_filter": converted(astra_filter, "advanced_search_filter"),
            "d_api_endpoint": renamed("api_endpoint"),
        },
    ),
    "AstraDBCQLToolComponent": fields({"table_name": renamed("collection_name")}),
    "AstraDBChatMemory": fields({"namespace": renamed("keyspace")}),
    "AstraDBGraph": fields(
        _ASTRA_OPTIONS,
        {
            "search_input": renamed("search_query"),
            "namespace": renamed("keyspace"),
            "embedding": _ASTRA_EMBEDDING,
            "embedding_model": _ASTRA_EMBEDDING,
            "link_to_metadata_key": dropped("'metadata_incoming_links_key'"),
            "link_from_metadata_key": dropped("'metadata_incoming_links_key'"),
        },
    ),
    "AstraDBTool": fields({"namespace": renamed("keyspace"), "embedding": _ASTRA_EMBEDDING}),
    "Elasticsearch": fields({"search_input": renamed("search_query")}),
    "HCD": fields({"search_input": renamed("search_query")}),
    "KnowledgeIngestion": OtherNames(
        fields=ignored("new_kb_name", "embedding_model"), outputs={"dataframe": moved("dataframe_output")}
    ),
    "KnowledgeRetrieval": OtherNames(outputs={"chroma_kb_data": moved("retrieve_data")}),
    "OpenSearchVectorStoreComponent": fields(
        {"search_input": renamed("search_query"), "hybrid_search_query": dropped("'filter_expression'")},
        ignored("search_type", "search_score_threshold", "request_timeout"),
    ),
    "Redis": fields(ignored("code")),
    "Weaviate": fields(ignored("grpc_host", "grpc_port")),
    "CohereRerank": OtherNames(
        fields={"user_agent": IGNORED, "retriever": _RETRIEVER},
        outputs={"base_retriever": removed("'reranked_documents'"), "search_results": moved("reranked_documents")},
    ),
    "NvidiaRerankComponent": OtherNames(
        fields={"retriever": _RETRIEVER},
        outputs={"base_retriever": removed("'reranked_documents'"), "search_results": moved("reranked_documents")},
    ),
}

FILES: Mapping[str, OtherNames] = {
    "ChunkDoclingDocument": fields(ignored("merge_peers", "always_emit_headings")),
    "Directory": united("data"),
    "DoclingRemote": fields(ignored("task_id")),
    "File": OtherNames(
        fields=ignored(
            "storage_location",
            "aws_access_key_id",
            "aws_secret_access_key",
            "bucket_name",
            "aws_region",
            "s3_file_key",
            "service_account_key",
            "file_id",
            "text_encoding",
        ),
        outputs={
            "data": moved("message", "dataframe"),
            "path": removed("'message', which has the content of the file"),
            "dataframe": removed("'message' with a Type Convert component after it"),
            "json": removed("'message' with a Type Convert component after it"),
            "advanced_dataframe": removed("'message' with a Type Convert component after it"),
            "advanced_markdown": moved("message"),
            "advanced": removed("'message' with a Type Convert component after it"),
            "markdown": moved("message"),
        },
    ),
    "NvidiaIngestComponent": OtherNames(
        fields=ignored("split_by", "split_length", "split_overlap", "max_character_length", "sentence_window_size"),
        outputs={"data": moved("dataframe")},
    ),
    "SaveToFile": OtherNames(
        fields={
            "input_type": IGNORED,
            "df": renamed("input"),
            "data": renamed("input"),
            "message": renamed("input"),
            "file_format": renamed("local_format"),
            "file_path": renamed("file_name"),
        },
        outputs={"confirmation": moved("message"), "result": moved("message")},
    ),
    "Unstructured": OtherNames(fields={"file": converted(file_paths, "path")}, outputs={"data": moved("dataframe")}),
}
