"""Node JSON from a component's source. Source that the server doesn't have itself is parsed at most, never run."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from headrace.api.errors import ForbiddenError
from headrace.api.json_body import StrictRoute
from headrace.api.state import CallerNow, Server, State
from headrace.component.component import Component
from headrace.component.node_json import node_json
from headrace.component.source import check_source
from headrace.component.tools import in_tool_mode
from headrace.runs.editing import UserEditing

router = APIRouter(
    prefix="/api/v1/custom_component",
    tags=["Components"],
    route_class=StrictRoute,
    responses={400: {"description": "The source is no Python"}, 403: {"description": "This source is not run here"}},
)

Source = Annotated[str, Field(max_length=500_000)]


class CustomComponent(BaseModel):
    """A component's source."""

    code: Source
    frontend_node: dict[str, Any] | None = None


class FieldUpdate(CustomComponent):
    """A component's source, its node's fields as they stand, and the one that changed."""

    field: str
    field_value: str | int | float | bool | dict[str, Any] | list[Any] | None = None
    template: dict[str, Any]
    tool_mode: bool = False


class Node(BaseModel):
    """A component's type and the node that an editor draws for it."""

    data: dict[str, Any]
    type: str


async def _component(server: State, code: str) -> type[Component] | JSONResponse:
    known = server.runner.component_of_code(code)
    if known is not None:
        return known
    checked = await asyncio.to_thread(check_source, code)
    if checked.syntax:
        problem = f"Error building Component: Invalid Python code: {checked.syntax[0]}"
        return JSONResponse({"detail": {"error": problem}}, 400)
    raise ForbiddenError(
        "This source is not one of the server's own components, and code that comes with a request is not run here. "
        "An operator can add the component to the server."
    )


@router.post("", response_model=Node)
async def custom_component(body: CustomComponent, _caller: CallerNow, server: Server) -> Node | JSONResponse:
    """Return the node of a component whose source the server has."""
    component = await _component(server, body.code)
    if isinstance(component, JSONResponse):
        return component
    return Node(data=node_json(component), type=component.type_name())


@router.post("/update", response_model=dict[str, Any])
async def update_custom_component(
    body: FieldUpdate, caller: CallerNow, server: Server
) -> dict[str, Any] | JSONResponse:
    """Return a component's node with the fields as they stand and one of them changed."""
    component = await _component(server, body.code)
    if isinstance(component, JSONResponse):
        return component
    node = {**node_json(component), "tool_mode": body.tool_mode}
    node["template"] = {**node["template"], **body.template}
    changed = node["template"].get(body.field)
    if isinstance(changed, dict):
        node["template"][body.field] = {**changed, "value": body.field_value}
    if body.tool_mode:
        node = in_tool_mode(component, node)
    return await component.edited(node, body.field, UserEditing(server.store, server.runner, caller.id))
