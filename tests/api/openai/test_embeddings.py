"""Embeddings by an embedding model in a flow, and by the data that a flow returns."""

from __future__ import annotations

import math

import httpx2
import openai
import pytest

from tests.support.custom_code import People, create_flow, flow_with_code, isolation, lenient_server, people
from tests.support.flow_builder import FlowBuilder, echo_flow
from tests.support.flows import create_flow as create_plain_flow

__all__ = ["isolation", "lenient_server", "people"]

#: Embeds a text as its length and the number of its vowels.
MODEL = """
from langchain_core.embeddings import Embeddings
from lfx.base.embeddings.model import LCEmbeddingsModel
from lfx.io import MessageTextInput, Output


class Lengths(Embeddings):
    def embed_query(self, text):
        return [float(len(text)), float(sum(c in "aeiou" for c in text)), 0.5]

    def embed_documents(self, texts):
        return [self.embed_query(t) for t in texts]


class LengthEmbeddings(LCEmbeddingsModel):
    display_name = "Lengths"
    inputs = [MessageTextInput(name="input_value", display_name="Input")]
    outputs = [Output(name="embeddings", display_name="Embeddings", method="build_embeddings")]

    def build_embeddings(self) -> Embeddings:
        return Lengths()
"""
#: Returns the vector of its input as data.
EMBEDDER = """
from lfx.custom.custom_component.component import Component
from lfx.io import MessageTextInput, Output
from lfx.schema.data import Data


class Embedder(Component):
    display_name = "Embedder"
    inputs = [MessageTextInput(name="input_value", display_name="Input")]
    outputs = [Output(name="output", display_name="Output", method="embed")]

    def embed(self) -> Data:
        return Data(text=self.input_value, embeddings=[float(len(self.input_value)), 1.0])
"""


def unconnected(data: dict[str, object], *sources: str) -> dict[str, object]:
    """Return a flow without the edges from its custom component, and without the chat output."""
    nodes = [n for n in data["nodes"] if not n["id"].startswith("ChatOutput")]  # type: ignore[attr-defined]
    edges = [e for e in data["edges"] if not e["target"].startswith("ChatOutput") and e["source"] in sources]  # type: ignore[attr-defined]
    return {**data, "nodes": nodes, "edges": edges}


@pytest.fixture
def sdk(lenient_server: str, people: People) -> openai.OpenAI:
    key = people.root.post("/api/v1/api_key/", json={"name": "sdk"}).json()["api_key"]
    return openai.OpenAI(base_url=f"{lenient_server}/v1", api_key=key, max_retries=0)


def test_an_embedding_model_in_a_flow_embeds_texts(sdk: openai.OpenAI, people: People) -> None:
    data = unconnected(flow_with_code(MODEL, "LengthEmbeddings", ("embeddings",)))
    flow = create_flow(people.root, data)["id"]
    # The SDK requests base64 and decodes it.
    result = sdk.embeddings.create(model=flow, input=["aha", "hm", "ooh"])
    assert [(e.index, e.embedding) for e in result.data] == [(0, [3, 2, 0.5]), (1, [2, 0, 0.5]), (2, [3, 2, 0.5])]
    plain = sdk.embeddings.create(model=flow, input="aha", encoding_format="float", dimensions=3, user="ada")
    assert plain.data[0].embedding == [3, 2, 0.5]
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.embeddings.create(model=flow, input="aha", dimensions=5)
    assert refused.value.param == "dimensions"


def test_a_flow_that_returns_vectors_embeds_each_text(sdk: openai.OpenAI, people: People) -> None:
    flow = create_flow(people.root, unconnected(flow_with_code(EMBEDDER, "Embedder"), "ChatInput-a"))["id"]
    result = sdk.embeddings.create(model=flow, input=["one", "three"])
    assert [e.embedding for e in result.data] == [[3, 1], [5, 1]]
    assert result.model == flow


@pytest.mark.parametrize(
    ("usage", "expected"), [('{"prompt_tokens": 4, "total_tokens": 4}', 8), ("None", 0), ('"x"', 0)]
)
def test_the_usage_beside_a_vector_counts(sdk: openai.OpenAI, people: People, usage: str, expected: int) -> None:
    code = EMBEDDER.replace("embeddings=", f"usage={usage}, embeddings=")
    flow = create_flow(people.root, unconnected(flow_with_code(code, "Embedder"), "ChatInput-a"))["id"]
    counted = sdk.embeddings.create(model=flow, input=["one", "three"]).usage
    assert (counted.prompt_tokens, counted.total_tokens) == (expected, expected)


@pytest.mark.parametrize("vectors", ["[]", "[[1.0]]", "[[1.0]] * 3"])
def test_a_model_that_returns_another_number_of_vectors_is_named(
    sdk: openai.OpenAI, people: People, vectors: str
) -> None:
    code = MODEL.replace("[self.embed_query(t) for t in texts]", vectors)
    flow = create_flow(people.root, unconnected(flow_with_code(code, "LengthEmbeddings", ("embeddings",))))["id"]
    with pytest.raises(openai.BadRequestError, match="vectors for 2 texts") as refused:
        sdk.embeddings.create(model=flow, input=["aha", "hm"])
    assert refused.value.param == "model"


@pytest.mark.parametrize(
    ("texts", "param"), [([[1, 2, 3]], "input"), ([1, 2], "input"), (["a", ""], "input[1]"), ("", "input")]
)
def test_an_input_that_is_no_text_is_refused(client: httpx2.Client, texts: object, param: str) -> None:
    response = client.post("/v1/embeddings", json={"model": "any", "input": texts})
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


def test_a_flow_without_vectors_says_so(client: httpx2.Client) -> None:
    for data in (echo_flow(), FlowBuilder().data):
        response = client.post("/v1/embeddings", json={"model": create_plain_flow(client, data), "input": "x"})
        assert (response.status_code, response.json()["error"]["param"]) == (400, "model")


def test_vectors_survive_base64(client: httpx2.Client, sdk: openai.OpenAI, people: People) -> None:
    code = EMBEDDER.replace("float(len(self.input_value)), 1.0", "0.1, -1e30, 3.0")
    flow = create_flow(people.root, unconnected(flow_with_code(code, "Embedder"), "ChatInput-a"))["id"]
    [embedding] = sdk.embeddings.create(model=flow, input="x").data
    assert [math.isclose(a, b, rel_tol=1e-6) for a, b in zip(embedding.embedding, [0.1, -1e30, 3.0], strict=True)] == [
        True
    ] * 3
