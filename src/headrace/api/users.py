"""Users: who they are, and what superusers do with them."""

import asyncio
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from headrace.api.answers import Detail
from headrace.api.errors import BadRequestError, ForbiddenError, NotFoundError
from headrace.api.json_body import StrictRoute
from headrace.api.state import CallerNow, Server, Superuser
from headrace.auth.passwords import hash_password, password_fits
from headrace.starter.welcome import welcome
from headrace.store import users

router = APIRouter(prefix="/api/v1/users", tags=["Users"], route_class=StrictRoute)

Username = Annotated[str, Field(min_length=1, max_length=255)]
#: Long enough for any phrase, and bounded, since hashing takes time by length.
Password = Annotated[SecretStr, Field(min_length=1, max_length=1024)]


class UserCreate(BaseModel):
    """A user to make."""

    username: Username
    password: Password
    optins: dict[str, Any] | None = None


class UserUpdate(BaseModel):
    """What changes of a user. What isn't sent stays as it is."""

    username: Username | None = None
    profile_image: Annotated[str, Field(max_length=1024)] | None = None
    password: Password | None = None
    is_active: bool | None = None
    is_superuser: bool | None = None
    last_login_at: datetime | None = None
    optins: dict[str, Any] | None = None


class PasswordReset(BaseModel):
    """A new password. The other fields of a user may be sent along and are passed over."""

    password: Password


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


class Users(BaseModel):
    """Some of the users, and how many there are."""

    total_count: int
    users: list[UserRead]


def _shown(row: RowMapping | None) -> UserRead:
    if row is None:
        raise NotFoundError("User not found")
    return UserRead.model_validate({**row, "store_api_key": None})


async def _hashed(password: SecretStr) -> str:
    return await asyncio.to_thread(hash_password, password.get_secret_value())


async def _check_free(connection: AsyncConnection, username: str) -> None:
    if await users.by_name(connection, username) is not None:
        raise BadRequestError("This username is unavailable.")


@router.post("/", status_code=201)
async def create_user(body: UserCreate, _caller: Superuser, server: Server) -> UserRead:
    """Make a user, with a default project. A superuser lets a new user in, unless the settings do."""
    hashed = await _hashed(body.password)

    async def make(connection: AsyncConnection) -> RowMapping | None:
        await _check_free(connection, body.username)
        user_id = await users.add(
            connection,
            body.username,
            hashed,
            is_superuser=False,
            is_active=server.settings.new_user_is_active,
            optins=body.optins,
        )
        await welcome(connection, user_id, server.starters)
        return await users.by_id(connection, user_id)

    return _shown(await server.store.write(make))


@router.get("/whoami")
async def whoami(caller: CallerNow, server: Server) -> UserRead:
    """Return the calling user."""
    async with server.store.reading() as connection:
        return _shown(await users.by_id(connection, caller.id))


@router.get("/")
async def list_users(
    _caller: Superuser,
    server: Server,
    skip: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=0, le=1000)] = 10,
) -> Users:
    """List all users, oldest first."""
    async with server.store.reading() as connection:
        total, rows = await users.page(connection, skip=skip, limit=limit)
    return Users(total_count=total, users=[_shown(row) for row in rows])


@router.patch("/{user_id}", responses={404: {"description": "There is no such user"}})
async def change_user(user_id: UUID, body: UserUpdate, caller: CallerNow, server: Server) -> UserRead:
    """Change what is sent of a user: one's own profile, or as a superuser anybody's."""
    if not caller.is_superuser and user_id != caller.id:
        raise ForbiddenError("Permission denied")
    if not caller.is_superuser and body.password is not None:
        raise BadRequestError("You can't change your password here")
    values = body.model_dump(exclude_unset=True, exclude_none=True, exclude={"password"})
    if body.password is not None:
        values["password"] = await _hashed(body.password)

    async def change(connection: AsyncConnection) -> RowMapping | None:
        row = await users.by_id(connection, user_id)
        if row is None:
            return None
        rights = {k: v for k, v in values.items() if k in {"is_active", "is_superuser", "last_login_at"}}
        if not caller.is_superuser and any(row[k] != v for k, v in rights.items()):
            raise ForbiddenError("Permission denied")
        if values.get("username", row["username"]) != row["username"]:
            await _check_free(connection, values["username"])
        await users.change(connection, user_id, **values)
        return await users.by_id(connection, user_id)

    row = await server.store.write(change)
    server.callers.forget_user(user_id)
    return _shown(row)


@router.patch("/{user_id}/reset-password", responses={404: {"description": "There is no such user"}})
async def reset_password(user_id: UUID, body: PasswordReset, caller: CallerNow, server: Server) -> UserRead:
    """Give oneself a new password."""
    if user_id != caller.id:
        raise BadRequestError("You can't change another user's password")
    async with server.store.reading() as connection:
        row = await users.by_id(connection, user_id)
    if row is None:
        raise NotFoundError("User not found")
    if await asyncio.to_thread(password_fits, body.password.get_secret_value(), row["password"]):
        raise BadRequestError("You can't use your current password")
    hashed = await _hashed(body.password)
    await server.store.write(lambda connection: users.change(connection, user_id, password=hashed))
    return await whoami(caller, server)


@router.delete("/{user_id}", responses={404: {"description": "There is no such user"}})
async def delete_user(user_id: UUID, caller: Superuser, server: Server) -> Detail:
    """Delete a user with all that is theirs: flows, files, messages, keys, variables."""
    if user_id == caller.id:
        raise BadRequestError("You can't delete your own user account")
    removed = await server.shelf.remove_user(user_id)
    await asyncio.to_thread(server.knowledge.remove_all, user_id)
    server.callers.forget_user(user_id)
    server.runner.forget(user_id)
    if not removed:
        raise NotFoundError("User not found")
    return Detail(detail="User deleted")
