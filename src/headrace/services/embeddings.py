"""Embeddings of texts by a flow: by an embedding model in it, or by running it once for each text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from headrace.formats.openai.errors import ModelNotFoundError, ParameterError, UnsupportedParameterError
from headrace.models.usage import parse_usage
from headrace.runs.embedding_plan import (
    EMBED_VERTEX_ID,
    FLOAT_BYTES,
    VECTORS_OUTPUT,
    embedding_outputs,
    embedding_plan,
)
from headrace.runs.errors import FlowNotFoundError
from headrace.runs.request import RunRequest
from headrace.schema import Data

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.graph.result import RunResult
    from headrace.runs.flow_resolver import FlowResolver, RunnableFlow
    from headrace.runs.runner import Runner
    from headrace.schema.token_usage import TokenUsage

#: The keys of a record that hold its vector, in order of preference.
VECTOR_KEYS = ("embeddings", "embedding", "vector")


class EmbeddingService:
    """Embeds texts with the flows of their owners."""

    def __init__(self, resolver: FlowResolver, runner: Runner) -> None:
        self._resolver = resolver
        self._runner = runner

    async def embed(
        self, owner: UUID, model: str, texts: Sequence[str], variables: Mapping[str, str]
    ) -> tuple[list[list[float]], int]:
        """Return a vector for each text, and the number of tokens that models of the flow reported.

        Raises:
            ModelNotFoundError: The owner has no such flow.
            ParameterError: The flow returns no vectors.

        """
        try:
            flow = await self._resolver.resolve(owner, model)
        except FlowNotFoundError as error:
            raise ModelNotFoundError(model) from error
        outputs = embedding_outputs(flow.plan)
        if outputs:
            # The model at the end of the flow, if another one feeds a component.
            vertex_id, output = next((o for o in outputs if not flow.plan.vertices[o[0]].successors), outputs[0])
            part = replace(flow, plan=embedding_plan(flow.plan, vertex_id, output, texts))
            request = RunRequest(output_components=(EMBED_VERTEX_ID,), session_id=str(uuid4()), variables=variables)
            result = await self._runner.run(owner, part, request)
            vectors: list[list[float]] = result.answers[0].outputs.get(VECTORS_OUTPUT, []) if result.answers else []
            if len(vectors) != len(texts):
                raise ParameterError(
                    "model",
                    f"The embedding model {flow.plan.vertices[vertex_id].display_name!r} of this flow returned "
                    f"{len(vectors)} vectors for {len(texts)} texts. Correct the model, or use another flow.",
                )
            return vectors, _tokens(result.usage)
        return await self._run_for_each(owner, flow, texts, variables)

    async def _run_for_each(
        self, owner: UUID, flow: RunnableFlow, texts: Sequence[str], variables: Mapping[str, str]
    ) -> tuple[list[list[float]], int]:
        last = tuple(vertex.id for vertex in flow.plan.vertices.values() if not vertex.successors)
        vectors: list[list[float]] = []
        tokens = 0
        with self._runner.open_budget(owner) as budget:
            for text in texts:
                request = RunRequest(
                    text, input_type="any", output_components=last, session_id=str(uuid4()), variables=variables
                )
                result = await self._runner.run(owner, flow, request)
                vector, reported = _vector_of(result)
                vectors.append(vector)
                budget.hold_response(len(vectors[-1]) * FLOAT_BYTES, "The vectors")
                tokens += _tokens(result.usage) + reported
        return vectors, tokens


def check_dimensions(vectors: Sequence[Sequence[float]], dimensions: int | None) -> None:
    """Check that vectors have the number of dimensions that a request asks for.

    Raises:
        UnsupportedParameterError: They have another.

    """
    if dimensions is not None and any(len(vector) != dimensions for vector in vectors):
        raise UnsupportedParameterError(
            "dimensions", f"The flow returns {len(vectors[0])} dimensions. Omit 'dimensions', or set them in the flow."
        )


def _tokens(usage: TokenUsage | None) -> int:
    return usage.input_tokens if usage is not None else 0


def _vector_of(result: RunResult) -> tuple[list[float], int]:
    """Return the vector of a run's answer, and the number of tokens that the record with the vector reports."""
    for vertex in result.answers:
        for value in vertex.outputs.values():
            vector = _as_vector(value)
            if vector is not None:
                return vector, _reported_tokens(value)
    raise ParameterError(
        "model",
        "This flow returns no vectors. Use a flow with an embedding model, or one that ends with data that has "
        f"a list of numbers under one of {', '.join(VECTOR_KEYS)}.",
    )


def _reported_tokens(value: Any) -> int:
    """Return the input tokens in the `usage` of a record, as model servers send it with a vector; 0 without one."""
    record = value.data if isinstance(value, Data) else value
    usage = record.get("usage") if isinstance(record, dict) else None
    return parse_usage(usage).input_tokens if isinstance(usage, dict) else 0


def _as_vector(value: Any) -> list[float] | None:
    if isinstance(value, Data):
        value = value.data
    if isinstance(value, dict):
        value = next((value[key] for key in VECTOR_KEYS if key in value), None)
    if isinstance(value, list) and value and all(isinstance(n, (int, float)) for n in value):
        return [float(number) for number in value]
    return None
