"""Routes for users: the caller's own account, and administration by superusers."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy import RowMapping

from headrace.api.dependencies import CurrentUser, ServicesDep, Superuser
from headrace.api.http.client_address import client_address
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.schemas.bounds import JsonObject
from headrace.api.schemas.messages import DetailResponse
from headrace.services.users import NewUser, PasswordChange

router = APIRouter(prefix="/api/v1/users", tags=["Users"], route_class=StrictJSONRoute)

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "No user has this id"}}

Username = Annotated[str, Field(min_length=1, max_length=255)]
#: The time to hash a password grows with its length, so the length is limited.
Password = Annotated[SecretStr, Field(min_length=1, max_length=1024)]


class UserCreate(BaseModel):
    """A user to create."""

    username: Username
    password: Password
    optins: JsonObject | None = None


class UserUpdate(BaseModel):
    """A change of a user. Omitted and null fields stay the same."""

    username: Username | None = None
    profile_image: Annotated[str, Field(max_length=1024)] | None = None
    password: Password | None = None
    current_password: Password | None = Field(default=None, description="See `PasswordReset`.")
    is_active: bool | None = None
    is_superuser: bool | None = None
    last_login_at: datetime | None = None
    optins: JsonObject | None = None


class PasswordReset(BaseModel):
    """A new password. Other fields of a user are ignored."""

    password: Password
    current_password: Password | None = Field(
        default=None,
        description="The caller's present password. Not needed within five minutes after a login with it.",
    )


class UserRead(BaseModel):
    """A user, without secrets."""

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

    @classmethod
    def from_row(cls, row: RowMapping) -> "UserRead":
        """Return the body for a stored user."""
        return cls.model_validate({**row, "store_api_key": None})


class Users(BaseModel):
    """A page of users, and the number of all users."""

    total_count: int
    users: list[UserRead]


@router.post("/", status_code=201)
async def create_user(body: UserCreate, _caller: Superuser, server: ServicesDep) -> UserRead:
    """Create a user with a default project. The user is inactive until a superuser activates it, unless `LANGFLOW_NEW_USER_IS_ACTIVE` is set."""
    new_user = NewUser(
        body.username,
        body.password.get_secret_value(),
        is_active=server.settings.auth.new_user_is_active,
        optins=body.optins,
    )
    return UserRead.from_row(await server.users.create_user(new_user))


@router.get("/whoami")
async def whoami(caller: CurrentUser, server: ServicesDep) -> UserRead:
    """Return the caller."""
    return UserRead.from_row(await server.users.get_user(caller.id))


@router.get("/")
async def list_users(
    _caller: Superuser,
    server: ServicesDep,
    skip: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=0, le=1000)] = 10,
) -> Users:
    """List all users, oldest first."""
    total, rows = await server.users.list_user_page(skip=skip, limit=limit)
    return Users(total_count=total, users=[UserRead.from_row(row) for row in rows])


@router.patch("/{user_id}", responses=_NOT_FOUND)
async def change_user(
    user_id: UUID, body: UserUpdate, request: Request, caller: CurrentUser, server: ServicesDep
) -> UserRead:
    """Change the fields of a user that the body contains. Superusers may change every user, others only themselves.

    A new password and a deactivation end the user's login sessions. An API key cannot set a password.
    """
    columns = body.model_dump(exclude_unset=True, exclude_none=True, exclude={"password", "current_password"})
    change = _to_change(body.password, body.current_password, request) if body.password is not None else None
    return UserRead.from_row(await server.users.update_user(caller, user_id, columns, change))


@router.patch("/{user_id}/reset-password", responses=_NOT_FOUND)
async def reset_password(
    user_id: UUID, body: PasswordReset, request: Request, caller: CurrentUser, server: ServicesDep
) -> UserRead:
    """Replace the caller's own password. All other login sessions of the caller end. An API key cannot do this."""
    change = _to_change(body.password, body.current_password, request)
    return UserRead.from_row(await server.users.reset_password(caller, user_id, change))


def _to_change(password: SecretStr, current: SecretStr | None, request: Request) -> PasswordChange:
    return PasswordChange(
        password.get_secret_value(),
        current.get_secret_value() if current is not None else None,
        client_address(request.scope),
    )


@router.delete("/{user_id}", responses=_NOT_FOUND)
async def delete_user(user_id: UUID, caller: Superuser, server: ServicesDep) -> DetailResponse:
    """Delete a user with all flows, files, messages, API keys and variables."""
    await server.user_deletion.delete_user(caller, user_id)
    return DetailResponse(detail="User deleted")
