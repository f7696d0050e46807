"""Routes for the caller's variables: named values that flows refer to."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.schemas.bounds import ShortList
from headrace.db.variables import CREDENTIAL
from headrace.services.variables import NewVariable

router = APIRouter(prefix="/api/v1/variables", tags=["Variables"], route_class=StrictJSONRoute)

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no variable with this id"}}

Name = Annotated[str, Field(max_length=255)]
Value = Annotated[str, Field(max_length=100_000)]
FieldNames = ShortList[str]


class VariableCreate(BaseModel):
    """A variable to create. The value of a `Credential` is never returned, that of a `Generic` variable is."""

    name: Name
    value: Value
    type: Annotated[str, Field(max_length=32)] | None = CREDENTIAL
    default_fields: FieldNames | None


class VariableUpdate(BaseModel):
    """A change of a variable. Omitted and null fields stay the same."""

    id: UUID | None = None
    name: Name | None = None
    value: Value | None = None
    default_fields: FieldNames | None = None


class VariableRead(BaseModel):
    """A variable. The value of a credential is null."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    type: str
    value: str | None
    default_fields: list[str]


@router.post("/", status_code=201)
async def create_variable(body: VariableCreate, caller: CurrentUser, server: ServicesDep) -> VariableRead:
    """Create a variable. Its value is stored encrypted."""
    new_variable = NewVariable(body.name, body.value, body.type or CREDENTIAL, body.default_fields)
    return VariableRead.model_validate(await server.variables.create_variable(caller.id, new_variable))


@router.get("/")
async def list_variables(caller: CurrentUser, server: ServicesDep) -> list[VariableRead]:
    """List the caller's variables."""
    return [VariableRead.model_validate(v) for v in await server.variables.list_variables(caller.id)]


@router.patch("/{variable_id}", responses=_NOT_FOUND)
async def change_variable(
    variable_id: UUID, body: VariableUpdate, caller: CurrentUser, server: ServicesDep
) -> VariableRead:
    """Change the fields of a variable that the body contains."""
    columns = body.model_dump(exclude_unset=True, exclude_none=True, exclude={"id"})
    return VariableRead.model_validate(await server.variables.update_variable(caller.id, variable_id, columns))


@router.delete("/{variable_id}", status_code=204, responses=_NOT_FOUND)
async def delete_variable(variable_id: UUID, caller: CurrentUser, server: ServicesDep) -> None:
    """Delete a variable. Flows that refer to it fail until a variable with this name exists again."""
    await server.variables.delete_variable(caller.id, variable_id)
