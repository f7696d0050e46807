"""Routes for the caller's API keys."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, BaseModel, Field, SecretStr
from sqlalchemy import RowMapping

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.routers.login import set_store_cookie
from headrace.api.schemas.messages import DetailResponse
from headrace.auth import keys

router = APIRouter(prefix="/api/v1/api_key", tags=["API keys"], route_class=StrictJSONRoute)


class ApiKeyCreate(BaseModel):
    """An API key to create."""

    name: Annotated[str, Field(max_length=255)] | None = None
    expires_at: AwareDatetime | None = Field(default=None, description="The time when the key expires; null for never.")


class StoreKey(BaseModel):
    """An API key of the component store."""

    api_key: Annotated[SecretStr, Field(min_length=1, max_length=1024)]


class ApiKeyShown(BaseModel):
    """An API key. `api_key` is complete only in the response that creates the key, and masked everywhere else."""

    id: UUID
    user_id: UUID
    name: str | None
    api_key: str
    is_active: bool
    total_uses: int
    last_used_at: datetime | None
    expires_at: datetime | None


class ApiKeyRead(ApiKeyShown):
    """An API key in a list."""

    created_at: datetime

    @classmethod
    def from_row(cls, row: RowMapping) -> "ApiKeyRead":
        """Return the body for a stored key, masked."""
        return cls.model_validate({**row, "api_key": keys.mask(row["prefix"])})


class ApiKeys(BaseModel):
    """The caller's API keys."""

    total_count: int
    user_id: UUID
    api_keys: list[ApiKeyRead]


@router.post("/")
async def create_api_key(body: ApiKeyCreate, caller: CurrentUser, server: ServicesDep) -> ApiKeyShown:
    """Create an API key. Only this response contains the complete key."""
    created = await server.api_keys.create_api_key(caller.id, body.name, body.expires_at)
    return ApiKeyShown.model_validate({**created.row, "api_key": created.key})


@router.get("/")
async def list_api_keys(caller: CurrentUser, server: ServicesDep) -> ApiKeys:
    """List the caller's API keys, masked."""
    rows = await server.api_keys.list_api_keys(caller.id)
    return ApiKeys(total_count=len(rows), user_id=caller.id, api_keys=[ApiKeyRead.from_row(row) for row in rows])


@router.post("/store")
async def store_key(body: StoreKey, response: Response, caller: CurrentUser, server: ServicesDep) -> DetailResponse:
    """Store the caller's API key of the component store, encrypted. No response ever contains it."""
    await server.store_keys.save_key(caller.id, body.api_key.get_secret_value())
    set_store_cookie(response, server, stored=True)
    return DetailResponse(detail="API Key saved")


@router.delete("/{api_key_id}", responses={404: {"description": "The caller has no API key with this id"}})
async def delete_api_key(api_key_id: UUID, caller: CurrentUser, server: ServicesDep) -> DetailResponse:
    """Delete an API key. The next request with it is refused."""
    await server.api_keys.delete_api_key(caller.id, api_key_id)
    return DetailResponse(detail="API Key deleted")
