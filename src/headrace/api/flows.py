"""Flows of the caller."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Body, Query, Request, Response
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from headrace.api.answers import Note
from headrace.api.archive import exported, flow_file_name, read_flows, zip_of
from headrace.api.download import ZIP_TYPE, attachment
from headrace.api.errors import ForbiddenError, NotFoundError
from headrace.api.flow_models import (
    DeletedMany,
    FlowCreate,
    FlowHeader,
    FlowList,
    FlowPage,
    FlowRead,
    FlowUpdate,
    StarterRead,
    columns_of,
)
from headrace.api.json_body import StrictRoute
from headrace.api.state import CallerNow, Server, State
from headrace.api.upload import UPLOAD, read_whole, upload_of
from headrace.auth.callers import Caller
from headrace.graph.secrets import without_secrets
from headrace.starter.library import WRITTEN, Starter
from headrace.store import flows
from headrace.store.flows import FlowFilter

router = APIRouter(prefix="/api/v1/flows", tags=["Flows"], route_class=StrictRoute)
starters_router = APIRouter(prefix="/api/v1/starter-projects", tags=["Flows"], route_class=StrictRoute)

_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no such flow"}}

FlowIds = Annotated[list[UUID], Body(max_length=1000)]


def kept_columns(server: State, body: FlowCreate | FlowUpdate, *, only_sent: bool) -> dict[str, Any]:
    """Return the columns that a body sets, without secrets where the operator wants none stored."""
    values = columns_of(body, only_sent=only_sent)
    if server.settings.remove_api_keys and "data" in values:
        values["data"] = without_secrets(values["data"])
    return values


async def told(
    server: State, connection: AsyncConnection, caller: Caller, row: RowMapping, *, approve: bool
) -> FlowRead:
    """Return a flow that was kept, with the names of its nodes that will not run.

    With `approve` the code in it may run from then on, if the caller may run code.
    """
    nodes = server.code.in_drawing(row["data"])
    if approve:
        await server.code.approve(connection, caller.id, nodes, is_superuser=caller.is_superuser)
    idle = await server.code.not_running(connection, nodes)
    return FlowRead.model_validate(dict(row)).model_copy(update={"not_running": idle or None})


async def keep_flows(
    server: State, caller: Caller, bodies: list[FlowCreate], folder_id: UUID | None = None, *, approve: bool
) -> list[FlowRead]:
    """Keep flows, all or none, in one project where one is named.

    With `approve` their code may run from then on, if the caller may run code. A file that somebody brings approves nothing.
    """
    columns = [kept_columns(server, body, only_sent=False) for body in bodies]
    if folder_id is not None:
        columns = [{**c, "folder_id": folder_id} for c in columns]

    async def keep(connection: AsyncConnection) -> list[FlowRead]:
        rows = [await flows.add(connection, caller.id, c) for c in columns]
        return [await told(server, connection, caller, row, approve=approve) for row in rows]

    return await server.store.write(keep)


@router.post("/", status_code=201)
async def create_flow(body: FlowCreate, caller: CallerNow, server: Server) -> FlowRead:
    """Keep a flow. Names that are taken get a number; nothing of it is run."""
    return (await keep_flows(server, caller, [body], approve=True))[0]


@router.post("/batch/", status_code=201)
async def create_flows(body: FlowList, caller: CallerNow, server: Server) -> list[FlowRead]:
    """Keep several flows, all or none."""
    return await keep_flows(server, caller, body.flows, approve=True)


@router.post(
    "/upload/",
    status_code=201,
    openapi_extra=UPLOAD,
    responses={400: {"description": "The file is no flow file and no ZIP of flow files"}},
)
async def upload_flows(
    request: Request, caller: CallerNow, server: Server, folder_id: UUID | None = None
) -> list[FlowRead]:
    """Keep the flows of a file: one flow, `{"flows": [...]}`, or a ZIP of flow files. Nothing of them is run."""
    body = await read_whole(await upload_of(request), server.settings.max_request_bytes)
    imported = await asyncio.to_thread(read_flows, body)
    return await keep_flows(server, caller, imported.flows, folder_id, approve=False)


@router.post(
    "/download/",
    responses={
        **_MISSING,
        200: {
            "content": {"application/json": {"schema": {"type": "object"}}, ZIP_TYPE: {}},
            "description": "The flow file, or a ZIP of several",
        },
    },
    response_class=Response,
)
async def download_flows(
    flow_ids: FlowIds, caller: CallerNow, server: Server, *, include_secrets: bool = False
) -> Response:
    """Return flows as files, one as JSON, several as a ZIP. Password fields are empty unless `include_secrets` asks for them."""
    async with server.store.reading() as connection:
        rows = await flows.some(connection, caller.id, flow_ids)
    if not rows:
        raise NotFoundError("No flows found")
    if len(rows) == 1:
        body = orjson.dumps(exported(rows[0], include_secrets=include_secrets))
        name = flow_file_name(rows[0]["name"])
        return Response(body, media_type="application/json", headers=attachment(name))
    packed = await asyncio.to_thread(zip_of, rows, include_secrets=include_secrets)
    return Response(packed, media_type=ZIP_TYPE, headers=attachment("flows.zip"))


@router.get("/basic_examples/")
async def basic_examples(server: Server) -> list[FlowRead]:
    """List the starter flows. They belong to nobody; post one to keep a copy."""
    return [_as_flow(starter) for starter in (server.starters.all if server.starters else [])]


def _as_flow(starter: Starter) -> FlowRead:
    return FlowRead(
        **{**starter.columns(), "endpoint_name": None},
        id=starter.id,
        user_id=None,
        folder_id=None,
        gradient=None,
        icon_bg_color=None,
        action_name=None,
        action_description=None,
        updated_at=WRITTEN,
    )


@starters_router.get("/")
async def starter_projects(_caller: CallerNow, server: Server) -> list[StarterRead]:
    """List the starter flows as drawings."""
    return [
        StarterRead(name=s.name, description=s.description, data=s.data)
        for s in (server.starters.all if server.starters else [])
    ]


@router.get("/public_flow/{flow_id}", responses={403: {"description": "There is no public flow with this id"}})
async def read_public_flow(flow_id: UUID, server: Server) -> FlowRead:
    """Return a flow that its owner has made public, without its secrets. Needs no credentials."""
    async with server.store.reading() as connection:
        row = await flows.public(connection, flow_id)
    if row is None:
        raise ForbiddenError("Flow is not public")
    return FlowRead.model_validate({**row, "data": without_secrets(row["data"])})


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
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
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
    return FlowPage.of(rows, total=total, page=page, size=size)


@router.delete("/")
async def delete_flows(flow_ids: FlowIds, caller: CallerNow, server: Server) -> DeletedMany:
    """Delete flows; the messages of their sessions stay."""
    removed = await server.shelf.remove_flows(caller.id, flow_ids)
    server.runner.forget(caller.id)
    return DeletedMany(deleted=removed)


@router.get("/{flow_id}", responses=_MISSING)
async def read_flow(flow_id: UUID, caller: CallerNow, server: Server) -> FlowRead:
    """Return a flow."""
    async with server.store.reading() as connection:
        row = await flows.one(connection, caller.id, flow_id)
    if row is None:
        raise NotFoundError("Flow not found")
    return FlowRead.model_validate(dict(row))


@router.patch(
    "/{flow_id}",
    responses={**_MISSING, 409: {"description": "The flow has changed since the `updated_at` that was sent along"}},
)
async def change_flow(flow_id: UUID, body: FlowUpdate, caller: CallerNow, server: Server) -> FlowRead:
    """Change what is sent of a flow; runs that are under way keep the flow that they began with.

    With the `updated_at` of the flow that the change was made on, a change that somebody else made since is never lost.
    """
    values = kept_columns(server, body, only_sent=True)

    async def change(connection: AsyncConnection) -> FlowRead | None:
        row = await flows.change(connection, caller.id, flow_id, values, body.updated_at)
        if row is None:
            return None
        return await told(server, connection, caller, row, approve="data" in values)

    changed = await server.store.write(change)
    server.runner.forget(caller.id)
    if changed is None:
        raise NotFoundError("Flow not found")
    return changed


@router.delete("/{flow_id}", responses=_MISSING)
async def delete_flow(flow_id: UUID, caller: CallerNow, server: Server) -> Note:
    """Delete a flow; the messages of its sessions stay."""
    removed = await server.shelf.remove_flows(caller.id, [flow_id])
    server.runner.forget(caller.id)
    if not removed:
        raise NotFoundError("Flow not found")
    return Note(message="Flow deleted successfully")
