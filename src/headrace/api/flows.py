"""Flows of the caller."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from headrace.api.errors import NotFoundError
from headrace.api.flow_models import Deleted, FlowCreate, FlowHeader, FlowPage, FlowRead, FlowUpdate, columns_of
from headrace.api.json_body import StrictRoute
from headrace.api.state import CallerNow, Server
from headrace.store import flows
from headrace.store.flows import FlowFilter

router = APIRouter(prefix="/api/v1/flows", tags=["Flows"], route_class=StrictRoute)

_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no such flow"}}


@router.post("/", status_code=201)
async def create_flow(body: FlowCreate, caller: CallerNow, server: Server) -> FlowRead:
    """Keep a flow. Names that are taken get a number; nothing of it is run."""
    row = await server.store.write(lambda c: flows.add(c, caller.id, columns_of(body, only_sent=False)))
    return FlowRead.model_validate(dict(row))


@router.get("/")
async def list_flows(
    caller: CallerNow,
    server: Server,
    folder_id: UUID | None = None,
    *,
    remove_example_flows: bool = False,
    components_only: bool = False,
    get_all: bool = True,
    header_flows: bool = False,
    page: Annotated[int, Query(ge=1)] = 1,
    size: Annotated[int, Query(ge=1, le=100)] = 50,
) -> list[FlowRead] | FlowPage | list[FlowHeader]:
    """List the caller's flows: all of them, their headers, or with `get_all=false` a page of a project."""
    wanted = FlowFilter(folder_id=None if get_all else folder_id, is_component=True if components_only else None)
    async with server.store.reading() as connection:
        if get_all:
            rows = await flows.many(connection, caller.id, wanted)
            if header_flows:
                return [
                    FlowHeader.model_validate({**r, "data": r["data"] if r["is_component"] else None}) for r in rows
                ]
            return [FlowRead.model_validate(dict(r)) for r in rows]
        total = await flows.count(connection, caller.id, wanted)
        rows = await flows.many(connection, caller.id, wanted, limit=size, offset=(page - 1) * size)
    return FlowPage(
        items=[FlowRead.model_validate(dict(r)) for r in rows],
        total=total,
        page=page,
        size=size,
        pages=-(-total // size),
    )


@router.get("/{flow_id}", responses=_MISSING)
async def read_flow(flow_id: UUID, caller: CallerNow, server: Server) -> FlowRead:
    """Return a flow."""
    async with server.store.reading() as connection:
        row = await flows.one(connection, caller.id, flow_id)
    if row is None:
        raise NotFoundError("Flow not found")
    return FlowRead.model_validate(dict(row))


@router.patch("/{flow_id}", responses=_MISSING)
async def change_flow(flow_id: UUID, body: FlowUpdate, caller: CallerNow, server: Server) -> FlowRead:
    """Change what is sent of a flow; runs that are under way keep the flow that they began with."""
    values = columns_of(body, only_sent=True)
    row = await server.store.write(lambda c: flows.change(c, caller.id, flow_id, values))
    server.runner.forget(caller.id)
    if row is None:
        raise NotFoundError("Flow not found")
    return FlowRead.model_validate(dict(row))


@router.delete("/{flow_id}", responses=_MISSING)
async def delete_flow(flow_id: UUID, caller: CallerNow, server: Server) -> Deleted:
    """Delete a flow; the messages of its sessions stay."""
    removed = await server.store.write(lambda c: flows.remove(c, caller.id, [flow_id]))
    server.runner.forget(caller.id)
    if not removed:
        raise NotFoundError("Flow not found")
    return Deleted(message="Flow deleted successfully")
