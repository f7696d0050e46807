"""Routes of the OpenAI API, in which the caller's flows are the models.

They are served below `/v1`, which always speaks OpenAI's API, and below `/api/v1`, next to the routes of Langflow.
"""

from __future__ import annotations

from fastapi import APIRouter

from headrace.api.http.openai_dialect import LANGFLOW_PREFIX, OPENAI_PREFIX
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.routers.openai import (
    chat_completions,
    conversations,
    embeddings,
    files,
    langflow_responses,
    models,
    responses,
)

TAG = "OpenAI API"
_MODULES = (chat_completions, responses, models, embeddings, conversations, files)


def _mount(prefix: str, *, in_schema: bool) -> APIRouter:
    mounted = APIRouter(prefix=prefix, tags=[TAG], route_class=StrictJSONRoute, include_in_schema=in_schema)
    for module in _MODULES:
        module.register(mounted)
    return mounted


openai_router = _mount(OPENAI_PREFIX, in_schema=True)
langflow_router = langflow_responses.router
#: The same routes for clients whose base URL ends in `/api/v1`. The OpenAPI document lists those below `/v1`.
router = _mount(LANGFLOW_PREFIX, in_schema=False)
