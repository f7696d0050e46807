"""Count the tokens of a run's model calls by vertex."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from headrace.schema.token_usage import TokenUsage


class RunUsage:
    """The tokens that the models of one run used, by the vertex that called them. Sub-flows count for the vertex that runs them."""

    __slots__ = ("by_vertex",)

    def __init__(self) -> None:
        self.by_vertex: dict[str, TokenUsage] = {}

    def add(self, vertex_id: str, usage: TokenUsage) -> None:
        """Add the tokens of a call."""
        earlier = self.by_vertex.get(vertex_id)
        self.by_vertex[vertex_id] = usage if earlier is None else earlier + usage

    def total(self) -> TokenUsage | None:
        """Return the tokens of all vertices, or None if no model server reported any."""
        return sum(self.by_vertex.values(), TokenUsage()) if self.by_vertex else None


#: The usage of the current run; None outside of a run.
current_usage: ContextVar[RunUsage | None] = ContextVar("usage", default=None)
#: The vertex that is running.
current_vertex: ContextVar[str] = ContextVar("vertex", default="")


def record_usage(usage: TokenUsage, vertex_id: str | None = None) -> None:
    """Count the tokens of a model call for a vertex, by default the one that is running."""
    run = current_usage.get()
    if run is not None:
        run.add(vertex_id or current_vertex.get(), usage)


def usage_of_vertex(vertex_id: str) -> TokenUsage | None:
    """Return the tokens that models used for a vertex of the current run so far, or None."""
    run = current_usage.get()
    return run.by_vertex.get(vertex_id) if run is not None and run.by_vertex else None


def parse_usage(counts: Mapping[str, Any]) -> TokenUsage:
    """Return the usage in an answer of OpenAI's protocol. A count that the server does not report is 0.

    Source: https://platform.openai.com/docs/api-reference/chat/object
    """
    return TokenUsage(
        _count(counts, "prompt_tokens"),
        _count(counts, "completion_tokens"),
        _count(counts.get("prompt_tokens_details"), "cached_tokens"),
        _count(counts.get("completion_tokens_details"), "reasoning_tokens"),
    )


def _count(counts: object, name: str) -> int:
    value = counts.get(name) if isinstance(counts, dict) else None
    return value if isinstance(value, int) and value > 0 else 0


@contextmanager
def counted_for(vertex_id: str) -> Iterator[None]:
    """Count the tokens of the calls that start within the block for a vertex, whichever vertex runs the code."""
    outer = current_vertex.set(vertex_id)
    try:
        yield
    finally:
        current_vertex.reset(outer)


@contextmanager
def sub_flow_usage() -> Iterator[None]:
    """Count the tokens of a flow within a run for the vertex that runs it."""
    inner = RunUsage()
    outer = current_usage.set(inner)
    vertex_id = current_vertex.get()
    try:
        yield
    finally:
        current_usage.reset(outer)
        if (total := inner.total()) is not None:
            record_usage(total, vertex_id)
