"""Addresses of older versions: what they answer to clients that still call them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from headrace.api.build import BuildBody, BuildInput, Drawing, attached, request_of
from headrace.api.errors import BadRequestError, NotFoundError
from headrace.api.files_v1 import FlowFile, upload_to_flow
from headrace.api.json_body import StrictRoute
from headrace.api.state import CallerNow, Server
from headrace.api.upload import UPLOAD
from headrace.graph.plan import part_of
from headrace.runs.builds import Build
from headrace.runs.runner import Target

router = APIRouter(prefix="/api/v1", tags=["Deprecated"], route_class=StrictRoute, deprecated=True)

_GONE: dict[int | str, dict[str, Any]] = {400: {"description": "This address is gone; the answer names the new one"}}
_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no such flow"}}


class Gone(BaseModel):
    """What an address that is gone never answers with."""


class VerticesOrder(BaseModel):
    """The vertices that can begin, and all that will run."""

    ids: list[str]
    run_id: UUID
    vertices_to_run: list[str]


def _deprecated(address: str) -> BadRequestError:
    return BadRequestError(
        f"The /{address} endpoint is deprecated and will be removed in a future version. Please use /run instead."
    )


@router.post("/predict/{_flow_id}", responses=_GONE)
@router.post("/process/{_flow_id}", responses=_GONE)
async def process(_flow_id: str) -> Gone:
    """See `/run/{flow_id_or_name}`."""
    raise _deprecated("process")


@router.get("/task/{_task_id}", responses=_GONE)
async def task(_task_id: str) -> Gone:
    """See `/run/{flow_id_or_name}`."""
    raise _deprecated("task")


@router.post("/upload/{flow_id}", status_code=201, responses=_MISSING, openapi_extra=UPLOAD)
async def upload(flow_id: UUID, request: Request, caller: CallerNow, server: Server) -> FlowFile:
    """See `/files/upload/{flow_id}`."""
    return await upload_to_flow(flow_id, request, caller, server)


@router.post("/run/session/{flow_id_or_name}", responses={404: {"description": "This address is gone"}})
async def run_session(flow_id_or_name: str) -> Gone:
    """See `/run/{flow_id_or_name}`."""
    raise NotFoundError("This endpoint is not available")


class VertexBody(BaseModel):
    """What is said to the flow."""

    inputs: BuildInput | None = None
    files: Annotated[list[str], Field(max_length=100)] | None = None


class VertexBuild(BaseModel):
    """What a vertex gave."""

    id: str | None = None
    valid: bool
    params: Any = None
    data: dict[str, Any]
    inactivated_vertices: list[str] | None = None
    next_vertices_ids: list[str] | None = None
    top_level_vertices: list[str] | None = None
    timestamp: datetime | None = None


_NOT_BUILT: dict[int | str, dict[str, Any]] = {
    **_MISSING,
    400: {"description": "The flow cannot be run as it is drawn, or has no such vertex"},
    429: {"description": "Too many runs are under way"},
}


async def _vertex_build(flow_id: UUID, vertex_id: str, caller: CallerNow, server: Server, body: VertexBody) -> Build:
    target = await server.runner.target(caller.id, str(flow_id))
    part = Target(flow_id, part_of(target.plan, start=None, stop=vertex_id))
    wanted = request_of(BuildBody(inputs=body.inputs, files=body.files))
    return await server.builds.start(caller.id, part, wanted, watcher=str(caller.id), keep=False)


@router.post("/build/{flow_id}/vertices/{vertex_id}", responses=_NOT_BUILT)
async def build_vertex(
    flow_id: UUID, vertex_id: str, caller: CallerNow, server: Server, body: VertexBody | None = None
) -> VertexBuild:
    """Run what leads up to a vertex, and the vertex; return what it gave. See `/build/{flow_id}/flow`."""
    build = await _vertex_build(flow_id, vertex_id, caller, server, body or VertexBody())
    ended: dict[str, Any] = {"valid": False, "data": {}}
    async for line in attached(build):
        event = orjson.loads(line)
        if event["event"] == "end_vertex" and (
            not event["data"]["build_data"]["valid"] or event["data"]["build_data"]["id"] == vertex_id
        ):
            ended = event["data"]["build_data"]
    return VertexBuild(**ended)


@router.get(
    "/build/{flow_id}/{vertex_id}/stream",
    responses={**_NOT_BUILT, 200: {"content": {"text/event-stream": {}}, "description": "What the vertex says"}},
    response_class=Response,
)
async def stream_vertex(flow_id: UUID, vertex_id: str, caller: CallerNow, server: Server) -> Response:
    """Run what leads up to a vertex, and stream what is said. See `/build/{flow_id}/flow`."""
    build = await _vertex_build(flow_id, vertex_id, caller, server, VertexBody())
    return StreamingResponse(_said(build), media_type="text/event-stream", headers={"cache-control": "no-cache"})


async def _said(build: Build) -> AsyncIterator[bytes]:
    async for line in attached(build):
        event = orjson.loads(line)
        if event["event"] == "token":
            yield _sse("message", {"chunk": event["data"]["chunk"]})
        elif event["event"] == "error":
            yield _sse("error", {"error": event["data"]["text"]})
    yield _sse("close", {"message": "Stream closed"})


def _sse(name: str, data: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


@router.post(
    "/build/{flow_id}/vertices",
    responses={**_MISSING, 400: {"description": "The flow cannot be run as it is drawn"}},
)
async def vertices(flow_id: UUID, caller: CallerNow, server: Server, body: Drawing | None = None) -> VerticesOrder:
    """Return the order of a flow's vertices: the stored flow's, or that of a drawing of it. Nothing is run."""
    target = await server.runner.target(caller.id, str(flow_id))
    plan = target.plan if body is None else await server.runner.planned(caller.id, body.model_dump())
    return VerticesOrder(
        ids=[v.id for v in plan.vertices.values() if not v.predecessors],
        run_id=uuid4(),
        vertices_to_run=[str(i) for i in plan.vertices],
    )
