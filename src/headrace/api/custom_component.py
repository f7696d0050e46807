"""Node JSON from a component's source: by reading it where that suffices, by running it for callers who may run code."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from headrace.api.errors import ForbiddenError
from headrace.api.json_body import StrictRoute
from headrace.api.state import CallerNow, Server, State
from headrace.auth.callers import Caller
from headrace.compat.imports import problem_with
from headrace.compat.loading import ComponentCodeError
from headrace.compat.parsing import edits_itself, parse_component
from headrace.component.component import Component, ComponentError
from headrace.component.node_json import node_json
from headrace.component.source import check_source
from headrace.component.tools import in_tool_mode
from headrace.errors import HeadraceError
from headrace.isolation.worker import WorkerEndedError
from headrace.runs.editing import UserEditing

router = APIRouter(
    prefix="/api/v1/custom_component",
    tags=["Components"],
    route_class=StrictRoute,
    responses={
        400: {"description": "The source is no Python"},
        403: {"description": "This source is not run here"},
        429: {"description": "As many users' code runs as may at once"},
    },
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


async def _component(server: State, caller: Caller, code: str, *, edits: bool) -> type[Component] | JSONResponse:
    """Return the class of a source: the server's own, or one that is read from it, or one that is run.

    Args:
        server: the server's parts.
        caller: who asks; what has to be run to be known is run for those who may alone.
        code: the source.
        edits: whether the author's own code for edits is wanted, where there is such code.

    """
    known = server.runner.component_of_code(code)
    if known is not None:
        return known
    checked = await asyncio.to_thread(check_source, code, problem_with)
    if checked.syntax:
        return _problem(f"Invalid Python code: {checked.syntax[0]}")
    read = await asyncio.to_thread(parse_component, code) if not checked.imports else None
    if read is not None and not (edits and edits_itself(read)):
        return read
    if not server.code.may_run(is_superuser=caller.is_superuser):
        raise ForbiddenError(
            "This source has to be run to show its node, and you may not run code of your own here. "
            "Ask a superuser; HEADRACE_CUSTOM_CODE says who may."
        )
    try:
        return await server.code.load(caller.id, code)
    except (ComponentCodeError, WorkerEndedError) as error:
        return _problem(error.message)


def _problem(text: str) -> JSONResponse:
    return JSONResponse({"detail": {"error": f"Error building Component: {text}"}}, 400)


@router.post("", response_model=Node)
async def custom_component(body: CustomComponent, caller: CallerNow, server: Server) -> Node | JSONResponse:
    """Return the node of a component. A source that does not write its node out is run for it, if the caller may run code."""
    component = await _component(server, caller, body.code, edits=False)
    if isinstance(component, JSONResponse):
        return component
    try:
        return Node(data=node_json(component), type=component.type_name())
    except ComponentError as error:
        return _problem(error.message)


@router.post("/update", response_model=dict[str, Any])
async def update_custom_component(
    body: FieldUpdate, caller: CallerNow, server: Server
) -> dict[str, Any] | JSONResponse:
    """Return a component's node with the fields as they stand and one of them changed."""
    component = await _component(server, caller, body.code, edits=True)
    if isinstance(component, JSONResponse):
        return component
    node = {**node_json(component), "tool_mode": body.tool_mode}
    node["template"] = {**node["template"], **body.template}
    changed = node["template"].get(body.field)
    if isinstance(changed, dict):
        node["template"][body.field] = {**changed, "value": body.field_value}
    if body.tool_mode:
        node = in_tool_mode(component, node)
    try:
        return await component.edited(
            node, body.field, UserEditing(server.store, server.runner, caller.id, server.egress)
        )
    except HeadraceError as error:
        return _problem(error.message)
    except Exception as error:
        if component.source is None:
            raise
        # The author's own code: what it raises is theirs to read.
        return _problem(f"{type(error).__name__}: {error}")
