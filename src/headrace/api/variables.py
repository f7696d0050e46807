"""Variables of the caller: values that flows take by name."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from headrace.api.errors import BadRequestError, NotFoundError
from headrace.api.json_body import StrictRoute
from headrace.api.state import CallerNow, Server, State
from headrace.store import variables
from headrace.store.secrets import UnreadableSecretError
from headrace.store.variables import CREDENTIAL, GENERIC

router = APIRouter(prefix="/api/v1/variables", tags=["Variables"], route_class=StrictRoute)

_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no such variable"}}

Name = Annotated[str, Field(max_length=255)]
Value = Annotated[str, Field(max_length=100_000)]
Fields = Annotated[list[str], Field(max_length=1000)]


class VariableCreate(BaseModel):
    """A variable to keep. `Credential` is never shown again, `Generic` is."""

    name: Name
    value: Value
    type: Annotated[str, Field(max_length=32)] | None = CREDENTIAL
    default_fields: Fields | None


class VariableUpdate(BaseModel):
    """What changes of a variable. What isn't sent stays as it is."""

    id: UUID | None = None
    name: Name | None = None
    value: Value | None = None
    default_fields: Fields | None = None


class VariableRead(BaseModel):
    """A variable; the value of a credential is null."""

    id: UUID
    name: str
    type: str
    value: str | None
    default_fields: list[str]


def _shown(server: State, row: RowMapping) -> VariableRead:
    value = None
    if row["type"] == GENERIC:
        # One that was encrypted under another key can still be listed, replaced and deleted.
        with suppress(UnreadableSecretError):
            value = server.cipher.decrypt(row["value"])
    return VariableRead(
        id=row["id"], name=row["name"], type=row["type"], value=value, default_fields=row["default_fields"] or []
    )


def _check(name: str | None, value: str | None) -> None:
    empty = [what for what, given in (("name", name), ("value", value)) if given is not None and not given.strip()]
    if empty:
        raise BadRequestError(f"Variable {' and '.join(empty)} cannot be empty")


async def _check_free(connection: AsyncConnection, owner: UUID, name: str, but: UUID | None = None) -> None:
    other = await variables.named(connection, owner, name)
    if other is not None and other["id"] != but:
        raise BadRequestError("Variable name already exists")


@router.post("/", status_code=201)
async def create_variable(body: VariableCreate, caller: CallerNow, server: Server) -> VariableRead:
    """Keep a variable. Its value is encrypted."""
    _check(body.name, body.value)

    async def keep(connection: AsyncConnection) -> RowMapping:
        await _check_free(connection, caller.id, body.name)
        return await variables.add(
            connection,
            caller.id,
            name=body.name,
            type_=body.type or CREDENTIAL,
            encrypted=server.cipher.encrypt(body.value),
            default_fields=body.default_fields or [],
        )

    return _shown(server, await server.store.write(keep))


@router.get("/")
async def list_variables(caller: CallerNow, server: Server) -> list[VariableRead]:
    """List the caller's variables."""
    async with server.store.reading() as connection:
        rows = await variables.all_of(connection, caller.id)
    return [_shown(server, row) for row in rows]


@router.patch("/{variable_id}", responses=_MISSING)
async def change_variable(variable_id: UUID, body: VariableUpdate, caller: CallerNow, server: Server) -> VariableRead:
    """Change what is sent of a variable."""
    _check(body.name, body.value)
    values = body.model_dump(exclude_unset=True, exclude_none=True, exclude={"id"})
    if body.value is not None:
        values |= {"value": server.cipher.encrypt(body.value), "from_environment": False}

    async def change(connection: AsyncConnection) -> RowMapping | None:
        if body.name is not None:
            await _check_free(connection, caller.id, body.name, variable_id)
        return await variables.change(connection, caller.id, variable_id, values)

    row = await server.store.write(change)
    if row is None:
        raise NotFoundError(f"{variable_id} variable not found.")
    return _shown(server, row)


@router.delete("/{variable_id}", status_code=204, responses=_MISSING)
async def delete_variable(variable_id: UUID, caller: CallerNow, server: Server) -> None:
    """Delete a variable; flows that name it fail until there is one of this name again."""
    if not await server.store.write(lambda c: variables.remove(c, caller.id, variable_id)):
        raise NotFoundError(f"{variable_id} variable not found.")
