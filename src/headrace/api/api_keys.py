"""API keys of the caller."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, BaseModel, Field, SecretStr
from sqlalchemy import RowMapping

from headrace.api.answers import Detail
from headrace.api.errors import BadRequestError, NotFoundError
from headrace.api.json_body import StrictRoute
from headrace.api.login import set_store_cookie
from headrace.api.state import CallerNow, Server
from headrace.auth import keys
from headrace.store import api_keys, users

router = APIRouter(prefix="/api/v1/api_key", tags=["API keys"], route_class=StrictRoute)


class ApiKeyCreate(BaseModel):
    """A key to make."""

    name: Annotated[str, Field(max_length=255)] | None = None
    expires_at: AwareDatetime | None = Field(
        default=None, description="When it stops to open anything; null for never."
    )


class StoreKey(BaseModel):
    """A key of the component store."""

    api_key: Annotated[SecretStr, Field(min_length=1, max_length=1024)]


class ApiKeyShown(BaseModel):
    """A key; `api_key` is masked in lists and whole only in the answer that makes it."""

    id: UUID
    user_id: UUID
    name: str | None
    api_key: str
    is_active: bool
    total_uses: int
    last_used_at: datetime | None
    expires_at: datetime | None


class ApiKeyRead(ApiKeyShown):
    """A key in a list."""

    created_at: datetime


class ApiKeys(BaseModel):
    """The caller's keys."""

    total_count: int
    user_id: UUID
    api_keys: list[ApiKeyRead]


def _shown(row: RowMapping) -> ApiKeyRead:
    return ApiKeyRead(
        **{
            k: row[k]
            for k in ("id", "user_id", "name", "is_active", "total_uses", "last_used_at", "expires_at", "created_at")
        },
        api_key=keys.masked(row["prefix"]),
    )


@router.post("/")
async def create_api_key(body: ApiKeyCreate, caller: CallerNow, server: Server) -> ApiKeyShown:
    """Make a key. This answer is the only one that shows it."""
    if body.expires_at is not None and body.expires_at <= datetime.now(UTC):
        raise BadRequestError("expires_at is in the past. A key has to be good for some time.")
    key = keys.new_key()
    row = await server.store.write(
        lambda c: api_keys.add(c, caller.id, body.name, keys.prefix(key), keys.digest(key), body.expires_at)
    )
    return ApiKeyShown(**{**_shown(row).model_dump(exclude={"created_at"}), "api_key": key})


@router.get("/")
async def list_api_keys(caller: CallerNow, server: Server) -> ApiKeys:
    """List the caller's keys, masked."""
    await server.callers.save_uses()
    async with server.store.reading() as connection:
        rows = await api_keys.all_of(connection, caller.id)
    return ApiKeys(total_count=len(rows), user_id=caller.id, api_keys=[_shown(row) for row in rows])


@router.post("/store")
async def store_key(body: StoreKey, response: Response, caller: CallerNow, server: Server) -> Detail:
    """Keep the caller's key of the component store, encrypted; no answer ever shows it."""
    encrypted = server.cipher.encrypt(body.api_key.get_secret_value())
    await server.store.write(lambda c: users.change(c, caller.id, store_api_key=encrypted))
    set_store_cookie(response, server, stored=True)
    return Detail(detail="API Key saved")


@router.delete("/{api_key_id}", responses={404: {"description": "The caller has no such key"}})
async def delete_api_key(api_key_id: UUID, caller: CallerNow, server: Server) -> Detail:
    """Delete a key; it opens nothing from now on."""
    digest = await server.store.write(lambda c: api_keys.remove(c, caller.id, api_key_id))
    if digest is None:
        raise NotFoundError("API Key not found")
    server.callers.forget_key(digest)
    return Detail(detail="API Key deleted")
