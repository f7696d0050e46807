"""Embeddings of texts by a flow."""

from __future__ import annotations

import array
import base64
import sys
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.routers.openai.runs import RUN_RESPONSES, json_response, variables_of
from headrace.api.routers.run import cancel_on_disconnect
from headrace.api.schemas.bounds import MAX_ITEMS
from headrace.formats.openai.errors import ParameterError
from headrace.formats.openai.parameters import EMBEDDING_PARAMETERS, check_parameters
from headrace.services.embeddings import check_dimensions

#: The maximum number of texts in a request.
MAX_TEXTS = 2048

#: About the bytes of a number in JSON.
NUMBER_BYTES = 20

#: The tokens of a text, which clients send that tokenize.
TokenNumbers = Annotated[list[int], Field(max_length=MAX_ITEMS, fail_fast=True)]


class EmbeddingRequest(BaseModel):
    """A request to embed texts."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(max_length=1024, description="The id or endpoint name of a flow that embeds text.")
    input: (
        str | Annotated[list[str | int | TokenNumbers], Field(min_length=1, max_length=MAX_TEXTS, fail_fast=True)]
    ) = Field(description="A text, or a list of texts. Token numbers are refused.")
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Field(ge=1)] | None = None

    def texts(self) -> list[str]:
        """Return the texts.

        Raises:
            ParameterError: The input is empty or consists of token numbers.

        """
        texts = [self.input] if isinstance(self.input, str) else self.input
        for n, text in enumerate(texts):
            if not isinstance(text, str):
                raise ParameterError(
                    "input",
                    "'input' must be texts: flows do not read token numbers. Turn off tokenization in your client.",
                )
            if not text:
                raise ParameterError(f"input[{n}]" if isinstance(self.input, list) else "input", "A text is empty.")
        return [text for text in texts if isinstance(text, str)]


async def create_embeddings(
    body: EmbeddingRequest, request: Request, caller: CurrentUser, server: ServicesDep
) -> Response:
    """Embed texts with the embedding model of a flow, or with the data that the flow returns for each text."""
    check_parameters(body.model_extra or {}, EMBEDDING_PARAMETERS)
    texts = body.texts()
    vectors, tokens = await cancel_on_disconnect(
        request, server.embeddings.embed(caller.id, body.model, texts, variables_of(request.headers))
    )
    check_dimensions(vectors, body.dimensions)

    def make_body() -> dict[str, Any]:
        is_packed = body.encoding_format == "base64"
        data = [
            {"object": "embedding", "index": n, "embedding": _pack(vector) if is_packed else vector}
            for n, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": data, "model": body.model, "usage": usage}

    size = sum(map(len, vectors)) * NUMBER_BYTES
    return await json_response(lambda: server.runner.open_budget(caller.id), size, make_body)


def _pack(vector: list[float]) -> str:
    """Return a vector as base64 of 32-bit floats, little-endian."""
    numbers = array.array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()


def register(router: APIRouter) -> None:
    """Add the routes of embeddings to a router."""
    router.post("/embeddings", response_model=dict[str, Any], responses=RUN_RESPONSES)(create_embeddings)
