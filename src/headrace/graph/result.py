"""The results of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.graph.flow import NodeId
    from headrace.models.model_request import ModelAnswer
    from headrace.schema.token_usage import TokenUsage


@dataclass(frozen=True, slots=True)
class VertexResult:
    """The output values of a vertex by output name, and its log."""

    vertex_id: str
    component_type: str
    display_name: str
    outputs: dict[str, Any]
    output_kind: str | None = None
    logs: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    #: Whether a frozen vertex returned the result of an earlier run.
    from_cache: bool = False
    #: About the size of the output values and of the log, in bytes; see `limits.value_size`.
    output_bytes: int = 0
    log_bytes: int = 0
    #: The tokens that models used for the vertex so far, in a loop for all items; None if none were reported.
    usage: TokenUsage | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """The results of a completed run, in the plan's order."""

    session_id: str
    input_value: str | None
    vertices: Mapping[NodeId, VertexResult]
    #: The vertices whose results answer the request.
    answer_ids: frozenset[str]
    #: The tokens that all models of the run used; None if none were reported.
    usage: TokenUsage | None = None
    #: How the answering model ended; None for a run without `RunRequest.model_options`.
    model_answer: ModelAnswer | None = None

    @property
    def answers(self) -> list[VertexResult]:
        """Return the results that answer the request."""
        return [result for vertex_id, result in self.vertices.items() if vertex_id in self.answer_ids]
