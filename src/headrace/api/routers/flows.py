"""Routes for the caller's flows, public flows and the starter flows."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Request, Response

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.http.download import ZIP_TYPE, attachment_headers, streaming_response, zip_chunks
from headrace.api.http.flow_archive import exported_flows, parse_flow_archive
from headrace.api.http.json_list import json_list_response
from headrace.api.http.multipart import UPLOAD_OPENAPI, read_all, read_upload
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.schemas.flow import (
    FLOW_HEADERS,
    FLOWS,
    MAX_LIST_LENGTH,
    DeletedCount,
    FlowCreate,
    FlowHeader,
    FlowList,
    FlowPage,
    FlowRead,
    FlowUpdate,
    StarterRead,
    flow_page_parts,
    to_columns,
)
from headrace.api.schemas.messages import MessageResponse
from headrace.db.flows import FlowFilter
from headrace.errors import NotFoundError
from headrace.graph.redaction import public_view, redact_text

router = APIRouter(prefix="/api/v1/flows", tags=["Flows"], route_class=StrictJSONRoute)
starters_router = APIRouter(prefix="/api/v1/starter-projects", tags=["Flows"], route_class=StrictJSONRoute)

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no flow with this id"}}

FlowIds = Annotated[list[UUID], Body(max_length=MAX_LIST_LENGTH, fail_fast=True)]


@router.post("/", status_code=201)
async def create_flow(body: FlowCreate, caller: CurrentUser, server: ServicesDep) -> FlowRead:
    """Create a flow. A number is added to a name that is already in use. Nothing in the flow is run."""
    saved = await server.flows.create_flow(caller, to_columns(body, exclude_unset=False))
    return FlowRead.from_saved(saved)


@router.post("/batch/", status_code=201)
async def create_flows(body: FlowList, caller: CurrentUser, server: ServicesDep) -> list[FlowRead]:
    """Create several flows, all or none."""
    columns = [to_columns(flow, exclude_unset=False) for flow in body.flows]
    return [FlowRead.from_saved(saved) for saved in await server.flows.create_flows(caller, columns)]


@router.post(
    "/upload/",
    status_code=201,
    openapi_extra=UPLOAD_OPENAPI,
    responses={400: {"description": "The file is neither a flow file nor a ZIP of flow files"}},
)
async def upload_flows(
    request: Request, caller: CurrentUser, server: ServicesDep, folder_id: UUID | None = None
) -> list[FlowRead]:
    """Import the flows of a file: a single flow, `{"flows": [...]}`, or a ZIP of flow files.

    Nothing in the flows is run, and code in them is not approved.
    """
    max_bytes = server.settings.server.max_request_bytes
    body = await read_all(await read_upload(request), max_bytes)
    with server.runner.open_budget(caller.id) as budget:
        archive = await asyncio.to_thread(parse_flow_archive, body, max_bytes, budget)
        columns = [to_columns(flow, exclude_unset=False) for flow in archive.flows]
        return [FlowRead.from_saved(saved) for saved in await server.flows.import_flows(caller, columns, folder_id)]


@router.post(
    "/download/",
    responses={
        **_NOT_FOUND,
        200: {
            "content": {"application/json": {"schema": {"type": "object"}}, ZIP_TYPE: {}},
            "description": "A flow file, or a ZIP of several flow files",
        },
    },
    response_class=Response,
)
async def download_flows(
    flow_ids: FlowIds, caller: CurrentUser, server: ServicesDep, *, include_secrets: bool = False
) -> Response:
    """Export flows: one flow as JSON, several as a ZIP. Secrets are emptied unless `include_secrets` is true."""
    batches = await server.flows.get_flows(caller.id, flow_ids)
    files = exported_flows(batches, server.registry, include_secrets=include_secrets)
    if len(batches.keys) == 1:
        name, body = await anext(files, (None, b""))
        if name is None:
            raise NotFoundError("No flows found")
        return Response(body, media_type="application/json", headers=attachment_headers(name))
    return await streaming_response(zip_chunks(files), media_type=ZIP_TYPE, headers=attachment_headers("flows.zip"))


@router.get("/basic_examples/")
async def basic_examples(server: ServicesDep) -> list[FlowRead]:
    """List the starter flows. They have no owner; create a flow from one to edit it."""
    return [FlowRead.from_starter(starter) for starter in (server.starters.all if server.starters else [])]


@starters_router.get("/")
async def starter_projects(_caller: CurrentUser, server: ServicesDep) -> list[StarterRead]:
    """List the starter flows with their nodes and edges."""
    return [
        StarterRead(name=s.name, description=s.description, data=s.data)
        for s in (server.starters.all if server.starters else [])
    ]


@router.get("/public_flow/{flow_id}", responses={403: {"description": "No public flow has this id"}})
async def read_public_flow(flow_id: UUID, server: ServicesDep) -> FlowRead:
    """Return a public flow without its secrets and the values of its components. Requires no credentials."""
    row = await server.flows.get_public_flow(flow_id)
    data = await asyncio.to_thread(public_view, row["data"])
    return FlowRead.model_validate(
        {**row, "data": data, "description": redact_text(row["description"]), "fs_path": None, "fs_error": None}
    )


@router.get("/", response_model=list[FlowRead] | FlowPage | list[FlowHeader])
async def list_flows(
    caller: CurrentUser,
    server: ServicesDep,
    folder_id: UUID | None = None,
    *,
    remove_example_flows: bool = False,
    components_only: bool = False,
    get_all: bool = True,
    header_flows: bool = False,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    size: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Response:
    """List the caller's flows: all of them, only their headers, or with `get_all=false` a page of one project."""
    is_component = True if components_only else None
    if not get_all:
        flow_filter = FlowFilter(folder_id=folder_id, is_component=is_component)
        total, batches = await server.flows.list_flow_page(caller.id, flow_filter, page=page, size=size)
        parts = flow_page_parts(total, batches, page=page, size=size)
        return await json_list_response(parts, is_small=batches.is_small)
    flow_filter = FlowFilter(is_component=is_component)
    if header_flows:
        batches = await server.flows.list_headers(caller.id, flow_filter)
        return await json_list_response(FLOW_HEADERS.encode(batches), is_small=batches.is_small)
    batches = await server.flows.list_flows(caller.id, flow_filter)
    return await json_list_response(FLOWS.encode(batches), is_small=batches.is_small)


@router.delete("/")
async def delete_flows(flow_ids: FlowIds, caller: CurrentUser, server: ServicesDep) -> DeletedCount:
    """Delete several flows. The messages of their sessions remain."""
    return DeletedCount(deleted=await server.flows.delete_flows(caller.id, flow_ids))


@router.get("/{flow_id}", responses=_NOT_FOUND)
async def read_flow(flow_id: UUID, caller: CurrentUser, server: ServicesDep) -> FlowRead:
    """Return a flow."""
    return FlowRead.model_validate(dict(await server.flows.get_flow(caller.id, flow_id)))


@router.patch(
    "/{flow_id}",
    responses={**_NOT_FOUND, 409: {"description": "The flow has changed since the `updated_at` in the request"}},
)
async def change_flow(flow_id: UUID, body: FlowUpdate, caller: CurrentUser, server: ServicesDep) -> FlowRead:
    """Change the fields of a flow that the body contains. Active runs continue with the version they started with.

    Send the `updated_at` of the version that you edited to get 409 instead of overwriting a concurrent change.
    """
    columns = to_columns(body, exclude_unset=True)
    return FlowRead.from_saved(await server.flows.update_flow(caller, flow_id, columns, body.updated_at))


@router.delete("/{flow_id}", responses=_NOT_FOUND)
async def delete_flow(flow_id: UUID, caller: CurrentUser, server: ServicesDep) -> MessageResponse:
    """Delete a flow. The messages of its sessions remain."""
    await server.flows.delete_flow(caller.id, flow_id)
    return MessageResponse(message="Flow deleted successfully")
