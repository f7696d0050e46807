"""Routes for the component store."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from headrace.api.dependencies import CurrentUser, Services, ServicesDep
from headrace.api.http.client_address import client_address
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.schemas.bounds import JsonObject
from headrace.auth.authenticator import User
from headrace.graph.redaction import redact_secrets, redact_text
from headrace.limits.account import Account, current_account
from headrace.services.component_store import MISSING_KEY_MESSAGE, StoreDisabledError, StoreKeyError, StoreQuery

router = APIRouter(
    prefix="/api/v1/store",
    tags=["Component store"],
    route_class=StrictJSONRoute,
    responses={
        400: {"description": "The store is disabled, or refuses the caller's API key"},
        404: {"description": "The store has no such component"},
        502: {"description": "The store is unavailable or sends an invalid response"},
    },
)


class StoreStatus(BaseModel):
    """Whether the component store is enabled."""

    enabled: bool


class StoreKeyStatus(BaseModel):
    """Whether the caller has saved an API key of the store, and whether the store accepts it."""

    has_api_key: bool
    is_valid: bool


class Tag(BaseModel):
    """A tag for components."""

    id: UUID
    name: str | None


class StoreComponent(BaseModel):
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


class StoreComponentPage(BaseModel):
    """A page of components. `authorized` is true if the request was made with the caller's API key."""

    count: int | None = 0
    authorized: bool
    results: list[StoreComponent] | None


class StoreComponentDownload(BaseModel):
    """A component of the store with its data."""

    id: UUID
    name: str | None
    description: str | None
    data: dict[str, Any] | None
    is_component: bool | None
    metadata: dict[str, Any] | None = {}


class StoreComponentUpload(BaseModel):
    """A component to share. Its secrets are removed."""

    name: Annotated[str, Field(max_length=1024)] | None
    description: str | None
    data: JsonObject
    tags: Annotated[list[str], Field(max_length=100, fail_fast=True)] | None
    parent: UUID | None = None
    is_component: bool | None
    last_tested_version: str | None = None
    private: bool | None = True


class StoreComponentId(BaseModel):
    """The id of a shared component."""

    id: UUID


class Likes(BaseModel):
    """The number of likes of a component, and whether the caller likes it."""

    likes_count: int | None
    liked_by_user: bool | None


async def _require_key(server: Services, caller: User) -> str:
    """Return the caller's API key of the store; raise an error if the store is disabled or the caller has no key."""
    if not server.component_store.enabled:
        raise StoreDisabledError
    key = await server.store_keys.find_key(caller.id)
    if key is None:
        raise StoreKeyError(MISSING_KEY_MESSAGE)
    return key


@router.get("/check/")
async def check(server: ServicesDep) -> StoreStatus:
    """Return whether the component store is enabled. Requires no credentials."""
    return StoreStatus(enabled=server.component_store.enabled)


@router.get("/check/api_key")
async def check_key(server: ServicesDep, caller: CurrentUser) -> StoreKeyStatus:
    """Return whether the caller has saved an API key of the store, and whether the store accepts it."""
    if not server.component_store.enabled:
        raise StoreDisabledError
    key = await server.store_keys.find_key(caller.id)
    is_valid = key is not None and await server.component_store.is_valid_key(key)
    return StoreKeyStatus(has_api_key=key is not None, is_valid=is_valid)


@router.get("/components/")
async def list_components(
    server: ServicesDep,
    caller: CurrentUser,
    component_id: UUID | None = None,
    search: Annotated[str | None, Query(max_length=1024)] = None,
    *,
    private: bool | None = None,
    is_component: bool | None = None,
    tags: Annotated[list[str] | None, Query(max_length=100)] = None,
    sort: Annotated[list[str] | None, Query(max_length=100)] = None,
    liked: bool = False,
    filter_by_user: bool = False,
    fields: Annotated[list[str] | None, Query(max_length=100)] = None,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> StoreComponentPage:
    """List components of the store."""
    key = await server.store_keys.find_key(caller.id)
    query = StoreQuery(
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
    count, rows = await server.component_store.search_components(key, query)
    liked_rows = await server.component_store.list_liked(key) if key is not None and rows else []
    liked_ids = {row.get("id") for row in liked_rows}
    results = [
        StoreComponent.model_validate({**row, "liked_by_user": row.get("id") in liked_ids if key else None})
        for row in rows
    ]
    return StoreComponentPage(count=count, authorized=key is not None, results=results)


@router.post("/components/", status_code=201)
async def share_component(body: StoreComponentUpload, server: ServicesDep, caller: CurrentUser) -> StoreComponentId:
    """Share a component in the store."""
    return await _share(body, server, caller, None)


@router.get("/components/{component_id}")
async def download_component(component_id: UUID, server: ServicesDep, caller: CurrentUser) -> StoreComponentDownload:
    """Return a component of the store with its data. Nothing in it is run."""
    key = await server.store_keys.find_key(caller.id)
    component = await server.component_store.download_component(key, component_id)
    return StoreComponentDownload.model_validate(component)


@router.patch("/components/{component_id}", status_code=201)
async def update_component(
    component_id: UUID, body: StoreComponentUpload, server: ServicesDep, caller: CurrentUser
) -> StoreComponentId:
    """Replace a component that the caller has shared."""
    return await _share(body, server, caller, component_id)


async def _share(
    body: StoreComponentUpload, server: Services, caller: User, component_id: UUID | None
) -> StoreComponentId:
    key = await _require_key(server, caller)
    data = await asyncio.to_thread(redact_secrets, body.data)
    upload = {**body.model_dump(mode="json"), "data": data, "description": redact_text(body.description)}
    return StoreComponentId(id=await server.component_store.save_component(key, upload, component_id))


@router.get("/tags", responses={429: {"description": "The caller sends too many requests"}})
async def list_tags(request: Request, server: ServicesDep) -> list[Tag]:
    """List the tags of the store's components. Requires no credentials."""
    address = client_address(request.scope)
    server.public_rate.acquire(address)
    current_account.set(Account("", address))
    return [Tag.model_validate(row) for row in await server.component_store.list_tags()]


@router.get("/users/likes")
async def list_likes(server: ServicesDep, caller: CurrentUser) -> list[Likes]:
    """List the likes of the components that the caller likes."""
    rows = await server.component_store.list_liked(await _require_key(server, caller))
    return [Likes(likes_count=row.get("liked_by_count"), liked_by_user=True) for row in rows]


@router.post("/users/likes/{component_id}")
async def like_component(component_id: UUID, server: ServicesDep, caller: CurrentUser) -> Likes:
    """Add or remove the caller's like of a component."""
    count, is_liked = await server.component_store.toggle_like(await _require_key(server, caller), component_id)
    return Likes(likes_count=count, liked_by_user=is_liked)
