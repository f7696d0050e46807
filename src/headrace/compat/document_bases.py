"""Base classes for components that process documents: vector stores, splitters, transformers, compressors."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.compat.component import Component
from headrace.compat.records import docs_to_data
from headrace.component import BoolInput, DataInput, HandleInput, MultilineInput, Output, QueryInput
from headrace.component.component import ComponentError
from headrace.component.inputs import Input, IntInput
from headrace.schema import Data
from headrace.schema.records import is_table, records_of

if TYPE_CHECKING:
    from langchain_core.documents import BaseDocumentCompressor, BaseDocumentTransformer, Document
    from langchain_core.vectorstores import VectorStore
    from langchain_text_splitters import TextSplitter

    from headrace.schema.dataframe import DataFrame

C = TypeVar("C", bound=type[Component])

#: Display name of a search type to its name in LangChain.
SEARCH_TYPES = {
    "Similarity": "similarity",
    "Similarity with score threshold": "similarity_score_threshold",
    "MMR (Max Marginal Relevance)": "mmr",
}


def check_cached_vector_store(build: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Wrap `build_vector_store` so that it builds the store once, if the field `should_cache_vector_store` is set."""

    @functools.wraps(build)
    def build_once(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._cached_vector_store is None or not getattr(self, "should_cache_vector_store", True):
            self._cached_vector_store = build(self, *args, **kwargs)
        return self._cached_vector_store

    build_once.is_cached_vector_store_checked = True  # type: ignore[attr-defined]  # marks a wrapped method
    return build_once


class LCVectorStoreComponent(Component):
    """Search a vector store that a subclass builds in `build_vector_store`."""

    _cached_vector_store: Any = None

    inputs = [
        HandleInput(name="ingest_data", display_name="Ingest Data", input_types=["Data", "DataFrame"], is_list=True),
        QueryInput(name="search_query", display_name="Search Query", info="The text to search for.", tool_mode=True),
        BoolInput(
            name="should_cache_vector_store",
            display_name="Cache Vector Store",
            value=True,
            advanced=True,
            info="Build the vector store once per run.",
        ),
    ]
    outputs = [
        Output(name="search_results", display_name="Search Results", method="search_documents"),
        Output(name="dataframe", display_name="DataFrame", method="as_dataframe"),
    ]

    @abstractmethod
    def build_vector_store(self) -> VectorStore:
        """Return the vector store. Subclasses override it and decorate it with `check_cached_vector_store`."""
        raise NotImplementedError

    def _prepare_ingest_data(self) -> list[Any]:
        """Return the connected values as a flat list; each row of a table becomes a record."""
        ingest_data = getattr(self, "ingest_data", None)
        items: list[Any] = []
        for item in ingest_data if isinstance(ingest_data, list) else [ingest_data]:
            if is_table(item):
                items += [Data(data=row) for row in records_of(item)]
            elif item not in (None, ""):
                items.append(item)
        return items

    def search_with_vector_store(
        self, input_value: str, search_type: str, vector_store: VectorStore, k: int = 10, **kwargs: Any
    ) -> list[Data]:
        """Search a vector store and return the results as records.

        Args:
            input_value: the text to search for.
            search_type: the display name or LangChain name of the search type.
            vector_store: the vector store.
            k: the maximum number of results.
            kwargs: more arguments of the store's `search`.

        Raises:
            ValueError: the query is empty.

        """
        if not input_value or not isinstance(input_value, str):
            raise ValueError("The search query is empty. Enter a text to search for.")
        kind = SEARCH_TYPES.get(search_type, search_type.lower())
        documents = vector_store.search(query=input_value, search_type=kind, k=k, **kwargs)
        self.status = records = docs_to_data(documents)
        return records

    def search_documents(self) -> list[Data]:
        """Search the vector store for the query. An empty query has no results."""
        query = getattr(self, "search_query", "")
        store = self.build_vector_store()
        if not query:
            return []
        kind = str(getattr(self, "search_type", "similarity"))
        return self.search_with_vector_store(query, kind, store, int(getattr(self, "number_of_results", None) or 10))

    def as_dataframe(self) -> DataFrame:
        """Search the vector store for the query and return the results as a table."""
        from headrace.schema.table import dataframe

        return dataframe(self.search_documents())

    def get_retriever_kwargs(self) -> dict[str, Any]:
        """Return the settings of a retriever. Subclasses override it."""
        raise NotImplementedError


def vector_store_connection(cls: C) -> C:
    """Add an output to a vector store component that returns the store itself."""

    def as_vector_store(self: Any) -> VectorStore:
        return self.build_vector_store()  # type: ignore[no-any-return]

    setattr(cls, "as_vector_store", as_vector_store)  # noqa: B010 - the class does not declare this method
    if all(output.name != "vectorstoreconnection" for output in cls.outputs):
        connection = Output(
            name="vectorstoreconnection",
            display_name="Vector Store Connection",
            method="as_vector_store",
            types=["VectorStore"],
            hidden=False,
        )
        cls.outputs = [*cls.outputs, connection]
    return cls


class LCDocumentTransformerComponent(Component):
    """Transform documents with a transformer that a subclass builds."""

    outputs = [Output(name="data", display_name="Data", method="transform_data")]

    def get_data_input(self) -> Any:
        """Return the values to transform. Subclasses override it."""
        raise NotImplementedError

    def build_document_transformer(self) -> BaseDocumentTransformer:
        """Return the transformer. Subclasses override it."""
        raise NotImplementedError

    def transform_data(self) -> list[Data]:
        """Return the transformed documents as records."""
        documents = self.build_document_transformer().transform_documents(self._documents())
        self.status = records = docs_to_data(documents)
        return records

    def _documents(self) -> Sequence[Document]:
        values = self.get_data_input()
        items = values if isinstance(values, list) else [values]
        return [item.to_lc_document() if isinstance(item, Data) else item for item in items if item not in (None, "")]


class LCTextSplitterComponent(LCDocumentTransformerComponent):
    """Split documents with a text splitter that a subclass builds."""

    def build_text_splitter(self) -> TextSplitter:
        """Return the text splitter. Subclasses override it."""
        raise NotImplementedError

    def build_document_transformer(self) -> BaseDocumentTransformer:
        """Return the text splitter."""
        return self.build_text_splitter()


class LCCompressorComponent(Component):
    """Filter or rerank search results with a compressor that a subclass builds."""

    inputs: list[Input] = [  # type: ignore[misc]
        MultilineInput(name="search_query", display_name="Search Query", tool_mode=True),
        DataInput(name="search_results", display_name="Search Results", is_list=True),
        IntInput(name="top_n", display_name="Top N", value=3, advanced=True),
    ]
    outputs = [
        Output(name="reranked_documents", display_name="Reranked Documents", method="compress_documents"),
        Output(name="dataframe", display_name="DataFrame", method="compress_documents_as_dataframe"),
    ]

    def build_compressor(self) -> BaseDocumentCompressor:
        """Return the compressor. Subclasses override it."""
        raise NotImplementedError

    async def compress_documents(self) -> list[Data]:
        """Return the compressed search results.

        Raises:
            ComponentError: no search results are connected.

        """
        results = [r for r in self.search_results if isinstance(r, Data)]
        if not results:
            raise ComponentError("No search results are connected. Connect Data to the field Search Results.")
        documents = await self.build_compressor().acompress_documents(
            query=str(self.search_query), documents=[r.to_lc_document() for r in results]
        )
        self.status = records = docs_to_data(documents)
        return records

    async def compress_documents_as_dataframe(self) -> DataFrame:
        """Return the compressed search results as a table."""
        from headrace.schema.table import dataframe

        return dataframe(await self.compress_documents())
