"""The component store, as far as the operator has one."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from headrace.api.json_body import StrictRoute
from headrace.api.state import CallerNow, Server, State
from headrace.auth.callers import Caller
from headrace.component_store import StoreKeyError, StoreOffError, StoreQuery
from headrace.graph.secrets import without_secrets
from headrace.store import users

router = APIRouter(
    prefix="/api/v1/store",
    tags=["Component store"],
    route_class=StrictRoute,
    responses={
        400: {"description": "The store is off, or refuses the caller's key"},
        404: {"description": "The store has no such component"},
        502: {"description": "The store does not answer as it should"},
    },
)


class Enabled(BaseModel):
    """Whether there is a store."""

    enabled: bool


class KeyChecked(BaseModel):
    """Whether the caller has saved a key of the store, and whether the store knows it."""

    has_api_key: bool
    is_valid: bool


class Tag(BaseModel):
    """A tag of components."""

    id: UUID
    name: str | None


class Listed(BaseModel):
    """A component of the store in a list."""

    id: UUID | None = None
    name: str | None = None
    description: str | None = None
    liked_by_count: int | None = None
    liked_by_user: bool | None = None
    is_component: bool | None = None
    metadata: dict[str, Any] | None = {}
    user_created: dict[str, Any] | None = {}
    tags: list[Tag] | None = None
    downloads_count: int | None = None
    last_tested_version: str | None = None
    private: bool | None = None


class Page(BaseModel):
    """A page of components. `authorized` says whether the store knows the caller."""

    count: int | None = 0
    authorized: bool
    results: list[Listed] | None


class Downloaded(BaseModel):
    """A component of the store, whole."""

    id: UUID
    name: str | None
    description: str | None
    data: dict[str, Any] | None
    is_component: bool | None
    metadata: dict[str, Any] | None = {}


class Shared(BaseModel):
    """A component to share. Its secrets stay here."""

    name: Annotated[str, Field(max_length=1024)] | None
    description: str | None
    data: dict[str, Any]
    tags: Annotated[list[str], Field(max_length=100)] | None
    parent: UUID | None = None
    is_component: bool | None
    last_tested_version: str | None = None
    private: bool | None = True


class Id(BaseModel):
    """Where it is now."""

    id: UUID


class Likes(BaseModel):
    """How many like a component, and whether the caller does."""

    likes_count: int | None
    liked_by_user: bool | None


async def _key(server: State, caller: Caller) -> str | None:
    async with server.store.reading() as connection:
        row = await users.by_id(connection, caller.id)
    return server.cipher.decrypt(row["store_api_key"]) if row is not None and row["store_api_key"] else None


async def _needed_key(server: State, caller: Caller) -> str:
    if not server.component_store.enabled:
        raise StoreOffError
    key = await _key(server, caller)
    if key is None:
        raise StoreKeyError("This needs a key of the component store. Save yours with POST /api/v1/api_key/store.")
    return key


@router.get("/check/")
async def check(server: Server, _caller: CallerNow) -> Enabled:
    """Return whether there is a store."""
    return Enabled(enabled=server.component_store.enabled)


@router.get("/check/api_key")
async def check_key(server: Server, caller: CallerNow) -> KeyChecked:
    """Return whether the caller has a key of the store, and whether it is good."""
    if not server.component_store.enabled:
        raise StoreOffError
    key = await _key(server, caller)
    fits = key is not None and await server.component_store.key_fits(key)
    return KeyChecked(has_api_key=key is not None, is_valid=fits)


@router.get("/components/")
async def list_components(
    server: Server,
    caller: CallerNow,
    component_id: UUID | None = None,
    search: Annotated[str | None, Query(max_length=1024)] = None,
    *,
    private: bool | None = None,
    is_component: bool | None = None,
    tags: Annotated[list[str] | None, Query()] = None,
    sort: Annotated[list[str] | None, Query()] = None,
    liked: bool = False,
    filter_by_user: bool = False,
    fields: Annotated[list[str] | None, Query()] = None,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> Page:
    """List components of the store."""
    key = await _key(server, caller)
    wanted = StoreQuery(
        component_id=component_id,
        search=search,
        private=private,
        is_component=is_component,
        tags=tags or (),
        sort=sort or (),
        liked=liked,
        filter_by_user=filter_by_user,
        fields=fields or (),
        page=page,
        limit=limit,
    )
    count, rows = await server.component_store.components(key, wanted)
    mine = {row.get("id") for row in await server.component_store.liked(key)} if key is not None and rows else set()
    results = [Listed.model_validate({**row, "liked_by_user": row.get("id") in mine if key else None}) for row in rows]
    return Page(count=count, authorized=key is not None, results=results)


@router.post("/components/", status_code=201)
async def share_component(body: Shared, server: Server, caller: CallerNow) -> Id:
    """Put a component into the store."""
    return await _share(body, server, caller, None)


@router.get("/components/{component_id}")
async def download_component(component_id: UUID, server: Server, caller: CallerNow) -> Downloaded:
    """Return a component of the store. Nothing of it is run."""
    found = await server.component_store.component(await _key(server, caller), component_id)
    return Downloaded.model_validate(found)


@router.patch("/components/{component_id}", status_code=201)
async def update_component(component_id: UUID, body: Shared, server: Server, caller: CallerNow) -> Id:
    """Put a component in the place of one that the caller shared."""
    return await _share(body, server, caller, component_id)


async def _share(body: Shared, server: State, caller: Caller, component_id: UUID | None) -> Id:
    key = await _needed_key(server, caller)
    shared = {**body.model_dump(mode="json"), "data": without_secrets(body.data)}
    return Id(id=await server.component_store.share(key, shared, component_id))


@router.get("/tags")
async def list_tags(server: Server, _caller: CallerNow) -> list[Tag]:
    """List the tags that components of the store have."""
    return [Tag.model_validate(row) for row in await server.component_store.tags()]


@router.get("/users/likes")
async def list_likes(server: Server, caller: CallerNow) -> list[Likes]:
    """List the likes of the components that the caller likes."""
    rows = await server.component_store.liked(await _needed_key(server, caller))
    return [Likes(likes_count=row.get("liked_by_count"), liked_by_user=True) for row in rows]


@router.post("/users/likes/{component_id}")
async def like_component(component_id: UUID, server: Server, caller: CallerNow) -> Likes:
    """Like a component of the store, or no longer."""
    count, mine = await server.component_store.like(await _needed_key(server, caller), component_id)
    return Likes(likes_count=count, liked_by_user=mine)
