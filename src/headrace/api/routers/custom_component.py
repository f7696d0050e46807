"""Routes for the node JSON of a component's source."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.schemas.bounds import BoundedList, JsonObject
from headrace.services.component_nodes import FieldChange

router = APIRouter(
    prefix="/api/v1/custom_component",
    tags=["Components"],
    route_class=StrictJSONRoute,
    responses={
        400: {"description": "The source is not valid Python, or its code failed"},
        403: {"description": "The source has to be run, and is not approved or may not be run by the caller"},
        429: {"description": "The server is at its limit of users whose code runs at the same time"},
    },
)

Source = Annotated[str, Field(max_length=500_000)]


class CustomComponent(BaseModel):
    """A component's source."""

    code: Source
    frontend_node: JsonObject | None = None


class FieldUpdate(CustomComponent):
    """A component's source, the present fields of its node, and the changed field."""

    field: str = Field(description="The name of the changed field.")
    field_value: str | int | float | bool | JsonObject | BoundedList[Any] | None = Field(
        default=None, description="The new value of the field."
    )
    template: JsonObject = Field(description="The present fields of the node, by name.")
    tool_mode: bool = Field(default=False, description="Whether the node is a tool of an agent.")


class Node(BaseModel):
    """A component's type and its node JSON."""

    data: dict[str, Any]
    type: str


@router.post("", response_model=Node)
async def custom_component(body: CustomComponent, caller: CurrentUser, server: ServicesDep) -> Node:
    """Return the node of a component that the caller has typed or checked in the editor, which approves its source.

    A source that declares its node with constants is only parsed. Other source is run, if the caller may run custom code.
    It is approved only if the caller may run custom code.
    """
    node = await server.component_nodes.build_node(caller, body.code)
    return Node(data=node.data, type=node.type)


@router.post("/update", response_model=dict[str, Any])
async def update_custom_component(body: FieldUpdate, caller: CurrentUser, server: ServicesDep) -> dict[str, Any]:
    """Return a component's node after one of its fields has changed. Source that has to be run must be approved."""
    change = FieldChange(
        code=body.code,
        field=body.field,
        value=body.field_value,
        template=body.template,
        tool_mode=body.tool_mode,
    )
    return await server.component_nodes.update_node(caller, change)
