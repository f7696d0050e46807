"""Who is calling."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from headrace.api.errors import NotFoundError
from headrace.api.state import CallerNow, Server
from headrace.store import users

router = APIRouter(prefix="/api/v1/users", tags=["Users"])


class UserRead(BaseModel):
    """A user, without a secret."""

    id: UUID
    username: str
    profile_image: str | None
    store_api_key: None = None
    is_active: bool
    is_superuser: bool
    create_at: datetime
    updated_at: datetime
    last_login_at: datetime | None
    optins: dict[str, Any] | None = None


@router.get("/whoami")
async def whoami(caller: CallerNow, server: Server) -> UserRead:
    """Return the calling user."""
    async with server.store.reading() as connection:
        row = await users.by_id(connection, caller.id)
    if row is None:
        raise NotFoundError("User not found")
    return UserRead.model_validate({**row, "store_api_key": None})
