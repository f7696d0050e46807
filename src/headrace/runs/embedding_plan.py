"""The part of a flow that embeds texts: an embedding model in it, and a vertex that calls the model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headrace.component import Component, HandleInput, Output
from headrace.component.component import output_types
from headrace.graph.flow import NodeId
from headrace.graph.plan import Plan, subplan
from headrace.graph.vertex import IncomingEdge, Vertex
from headrace.limits.large_values import call_off_loop

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The type of the outputs of embedding models.
EMBEDDINGS_TYPE = "Embeddings"
#: The id of the vertex that calls the model. Ids of nodes contain no spaces.
EMBED_VERTEX_ID = "embed texts"
VECTORS_OUTPUT = "vectors"
#: The bytes of a number and of its place in a list.
FLOAT_BYTES = 32


class EmbedTexts(Component):
    """Call an embedding model."""

    display_name = "Embed Texts"
    inputs = [
        HandleInput(name="model", display_name="Model", input_types=[EMBEDDINGS_TYPE], required=True),
        HandleInput(name="texts", display_name="Texts", input_types=["Data"], is_list=True),
    ]
    outputs = [Output(name=VECTORS_OUTPUT, display_name="Vectors", method="embed_texts")]

    async def embed_texts(self) -> list[list[float]]:
        """Return a vector for each text."""
        vectors: list[list[float]] = await self.model.aembed_documents(list(self.texts))
        size = sum(map(len, vectors)) * FLOAT_BYTES
        return await call_off_loop(size, _floats, vectors)


def _floats(vectors: Sequence[Sequence[Any]]) -> list[list[float]]:
    return [[float(number) for number in vector] for vector in vectors]


def embedding_outputs(plan: Plan) -> list[tuple[NodeId, str]]:
    """Return the vertices and outputs of a plan that are embedding models."""
    return [
        (vertex.id, output)
        for vertex in plan.vertices.values()
        for output in vertex.outputs
        if EMBEDDINGS_TYPE in output_types(vertex.component, output)
    ]


def embedding_plan(plan: Plan, vertex_id: NodeId, output: str, texts: Sequence[str]) -> Plan:
    """Return the part of a plan that builds an embedding model, with a vertex that embeds texts."""
    part = dict(subplan(plan, start=None, stop=vertex_id).vertices)
    values: dict[str, Any] = {"texts": list(texts)}
    consumer = Vertex(
        id=NodeId(EMBED_VERTEX_ID),
        component=EmbedTexts,
        display_name=EmbedTexts.display_name,
        values=values,
        variables={},
        field_types={},
        incoming=(IncomingEdge("model", vertex_id, output),),
        list_fields=frozenset({"texts"}),
        outputs=(VECTORS_OUTPUT,),
        streaming_outputs=frozenset(),
        required_inputs=frozenset({"model"}),
        successors=(),
        predecessors=frozenset({vertex_id}),
        frozen=False,
    )
    part[vertex_id] = replace(part[vertex_id], successors=(consumer.id,))
    part[consumer.id] = consumer
    return Plan(part, part)
