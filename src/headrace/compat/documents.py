"""Base classes of components that work on documents: vector stores, splitters, transformers, compressors."""

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

#: Kinds of search by the names that fields give them.
SEARCHES = {
    "Similarity": "similarity",
    "Similarity with score threshold": "similarity_score_threshold",
    "MMR (Max Marginal Relevance)": "mmr",
}


def check_cached_vector_store(build: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Have a component make its vector store once, where its field `should_cache_vector_store` says so."""

    @functools.wraps(build)
    def once(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._cached_vector_store is None or not getattr(self, "should_cache_vector_store", True):
            self._cached_vector_store = build(self, *args, **kwargs)
        return self._cached_vector_store

    once.is_cached_vector_store_checked = True  # type: ignore[attr-defined]
    return once


class LCVectorStoreComponent(Component):
    """A vector store: a subclass makes it in `build_vector_store`, and this searches it."""

    _cached_vector_store: Any = None

    inputs = [
        HandleInput(name="ingest_data", display_name="Ingest Data", input_types=["Data", "DataFrame"], is_list=True),
        QueryInput(name="search_query", display_name="Search Query", info="What to look for.", tool_mode=True),
        BoolInput(
            name="should_cache_vector_store",
            display_name="Cache Vector Store",
            value=True,
            advanced=True,
            info="Make it once a run.",
        ),
    ]
    outputs = [
        Output(name="search_results", display_name="Search Results", method="search_documents"),
        Output(name="dataframe", display_name="DataFrame", method="as_dataframe"),
    ]

    @abstractmethod
    def build_vector_store(self) -> VectorStore:
        """Return the store; a subclass overrides it, under `check_cached_vector_store`."""
        raise NotImplementedError

    def _prepare_ingest_data(self) -> list[Any]:
        """Return what is to be stored: records, or what else is connected, one after the other."""
        given = getattr(self, "ingest_data", None)
        left = given if isinstance(given, list) else [given]
        found: list[Any] = []
        for one in left:
            if is_table(one):
                found += [Data(data=row) for row in records_of(one)]
            elif one not in (None, ""):
                found.append(one)
        return found

    def search_with_vector_store(
        self, input_value: str, search_type: str, vector_store: VectorStore, k: int = 10, **kwargs: Any
    ) -> list[Data]:
        """Return what a store finds, as records.

        Raises:
            ValueError: there is nothing to look for.

        """
        if not input_value or not isinstance(input_value, str):
            raise ValueError("The search query is empty.")
        kind = SEARCHES.get(search_type, search_type.lower())
        found = vector_store.search(query=input_value, search_type=kind, k=k, **kwargs)
        self.status = records = docs_to_data(found)
        return records

    def search_documents(self) -> list[Data]:
        """Return what the store finds for the query; nothing where there is none."""
        query = getattr(self, "search_query", "")
        store = self.build_vector_store()
        if not query:
            return []
        kind = str(getattr(self, "search_type", "similarity"))
        return self.search_with_vector_store(query, kind, store, int(getattr(self, "number_of_results", None) or 10))

    def as_dataframe(self) -> DataFrame:
        """Return what the store finds as a table."""
        from headrace.schema.table import dataframe

        return dataframe(self.search_documents())

    def get_retriever_kwargs(self) -> dict[str, Any]:
        """Return the settings of a retriever; a subclass overrides it."""
        raise NotImplementedError


def vector_store_connection(cls: C) -> C:
    """Give a vector store component an output for the store itself."""

    def as_vector_store(self: Any) -> VectorStore:
        return self.build_vector_store()  # type: ignore[no-any-return]

    setattr(cls, "as_vector_store", as_vector_store)  # noqa: B010 - a method that the class does not declare
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
    """Turns records into others: a subclass makes the transformer."""

    outputs = [Output(name="data", display_name="Data", method="transform_data")]

    def get_data_input(self) -> Any:
        """Return what is to be transformed; a subclass overrides it."""
        raise NotImplementedError

    def build_document_transformer(self) -> BaseDocumentTransformer:
        """Return the transformer; a subclass overrides it."""
        raise NotImplementedError

    def transform_data(self) -> list[Data]:
        """Return the records that come of it."""
        self.status = made = docs_to_data(self.build_document_transformer().transform_documents(self._documents()))
        return made

    def _documents(self) -> Sequence[Document]:
        given = self.get_data_input()
        items = given if isinstance(given, list) else [given]
        return [item.to_lc_document() if isinstance(item, Data) else item for item in items if item not in (None, "")]


class LCTextSplitterComponent(LCDocumentTransformerComponent):
    """Splits texts: a subclass makes the splitter."""

    def build_text_splitter(self) -> TextSplitter:
        """Return the splitter; a subclass overrides it."""
        raise NotImplementedError

    def build_document_transformer(self) -> BaseDocumentTransformer:
        """Return the splitter."""
        return self.build_text_splitter()


class LCCompressorComponent(Component):
    """Keeps what matters of search results: a subclass makes the compressor."""

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
        """Return the compressor; a subclass overrides it."""
        raise NotImplementedError

    async def compress_documents(self) -> list[Data]:
        """Return what is kept.

        Raises:
            ComponentError: no search results are connected.

        """
        results = [r for r in self.search_results if isinstance(r, Data)]
        if not results:
            raise ComponentError("No search results are connected.")
        kept = await self.build_compressor().acompress_documents(
            query=str(self.search_query), documents=[r.to_lc_document() for r in results]
        )
        self.status = found = docs_to_data(kept)
        return found

    async def compress_documents_as_dataframe(self) -> DataFrame:
        """Return what is kept as a table."""
        from headrace.schema.table import dataframe

        return dataframe(await self.compress_documents())
