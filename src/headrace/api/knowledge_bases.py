"""Knowledge bases of the caller."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from headrace.api.answers import Note
from headrace.api.errors import NotFoundError
from headrace.api.json_body import StrictRoute
from headrace.api.state import CallerNow, Server
from headrace.files.knowledge import KnowledgeBase

router = APIRouter(prefix="/api/v1/knowledge_bases", tags=["Knowledge bases"], route_class=StrictRoute)

_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no such knowledge base"}}


class KnowledgeBaseRead(BaseModel):
    """A knowledge base: what is in it and which model it was embedded with."""

    id: str
    name: str
    embedding_provider: str
    embedding_model: str
    size: int
    words: int
    characters: int
    chunks: int
    avg_chunk_size: float


class Names(BaseModel):
    """Names of knowledge bases."""

    kb_names: Annotated[list[str], Field(max_length=1000)]


class DeletedMany(Note):
    """How many were deleted, and which weren't there."""

    deleted_count: int
    not_found: str | None = None


def _shown(base: KnowledgeBase) -> KnowledgeBaseRead:
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
async def list_knowledge_bases(caller: CallerNow, server: Server) -> list[KnowledgeBaseRead]:
    """List the caller's knowledge bases by name."""
    return [_shown(base) for base in await asyncio.to_thread(server.knowledge.all_of, caller.id)]


@router.delete("", responses=_MISSING)
@router.delete("/", responses=_MISSING)
async def delete_knowledge_bases(body: Names, caller: CallerNow, server: Server) -> DeletedMany:
    """Delete several knowledge bases; those that aren't there are named in the answer."""
    names = list(dict.fromkeys(body.kb_names))
    gone = [n for n in names if await asyncio.to_thread(server.knowledge.remove, caller.id, n)]
    missing = [n for n in names if n not in gone]
    if not gone:
        raise NotFoundError(f"Knowledge bases not found: {', '.join(missing)}")
    return DeletedMany(
        message=f"Successfully deleted {len(gone)} knowledge base(s)",
        deleted_count=len(gone),
        not_found=", ".join(missing) or None,
    )


@router.get("/{kb_name}", responses=_MISSING)
async def read_knowledge_base(kb_name: str, caller: CallerNow, server: Server) -> KnowledgeBaseRead:
    """Return a knowledge base."""
    base = await asyncio.to_thread(server.knowledge.one, caller.id, kb_name)
    if base is None:
        raise NotFoundError(f"Knowledge base '{kb_name}' not found")
    return _shown(base)


@router.delete("/{kb_name}", responses=_MISSING)
async def delete_knowledge_base(kb_name: str, caller: CallerNow, server: Server) -> Note:
    """Delete a knowledge base with all that is in it."""
    if not await asyncio.to_thread(server.knowledge.remove, caller.id, kb_name):
        raise NotFoundError(f"Knowledge base '{kb_name}' not found")
    return Note(message=f"Knowledge base '{kb_name}' deleted successfully")
