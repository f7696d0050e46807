"""Routes for the caller's knowledge bases."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.schemas.bounds import ShortList
from headrace.api.schemas.messages import MessageResponse
from headrace.errors import NotFoundError
from headrace.services.knowledge_bases import KnowledgeBase

router = APIRouter(prefix="/api/v1/knowledge_bases", tags=["Knowledge bases"], route_class=StrictJSONRoute)

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no knowledge base with this name"}}


class KnowledgeBaseRead(BaseModel):
    """A knowledge base: the size of its content, and the embedding model."""

    id: str
    name: str
    embedding_provider: str
    embedding_model: str
    size: int
    words: int
    characters: int
    chunks: int
    avg_chunk_size: float


class KnowledgeBaseNames(BaseModel):
    """Names of knowledge bases."""

    kb_names: ShortList[str]


class DeletedKnowledgeBases(MessageResponse):
    """The number of deleted knowledge bases, and the names that do not exist."""

    deleted_count: int
    not_found: str | None = None


def _to_response(base: KnowledgeBase) -> KnowledgeBaseRead:
    return KnowledgeBaseRead(
        id=base.name,
        name=base.name,
        embedding_provider=base.embedding_provider,
        embedding_model=base.embedding_model,
        size=base.size,
        words=base.words,
        characters=base.characters,
        chunks=base.chunks,
        avg_chunk_size=base.avg_chunk_size,
    )


@router.get("")
@router.get("/")
async def list_knowledge_bases(caller: CurrentUser, server: ServicesDep) -> list[KnowledgeBaseRead]:
    """List the caller's knowledge bases, sorted by name."""
    return [_to_response(base) for base in await asyncio.to_thread(server.knowledge_bases.list, caller.id)]


@router.delete("", responses=_NOT_FOUND)
@router.delete("/", responses=_NOT_FOUND)
async def delete_knowledge_bases(
    body: KnowledgeBaseNames, caller: CurrentUser, server: ServicesDep
) -> DeletedKnowledgeBases:
    """Delete several knowledge bases. The response names those that do not exist."""
    deletion = await asyncio.to_thread(server.knowledge_bases.remove_many, caller.id, body.kb_names)
    return DeletedKnowledgeBases(
        message=f"Successfully deleted {len(deletion.deleted)} knowledge base(s)",
        deleted_count=len(deletion.deleted),
        not_found=", ".join(deletion.missing) or None,
    )


@router.get("/{kb_name}", responses=_NOT_FOUND)
async def read_knowledge_base(kb_name: str, caller: CurrentUser, server: ServicesDep) -> KnowledgeBaseRead:
    """Return a knowledge base."""
    base = await asyncio.to_thread(server.knowledge_bases.get, caller.id, kb_name)
    if base is None:
        raise NotFoundError(f"Knowledge base '{kb_name}' not found")
    return _to_response(base)


@router.delete("/{kb_name}", responses=_NOT_FOUND)
async def delete_knowledge_base(kb_name: str, caller: CurrentUser, server: ServicesDep) -> MessageResponse:
    """Delete a knowledge base with its content."""
    if not await asyncio.to_thread(server.knowledge_bases.remove, caller.id, kb_name):
        raise NotFoundError(f"Knowledge base '{kb_name}' not found")
    return MessageResponse(message=f"Knowledge base '{kb_name}' deleted successfully")
