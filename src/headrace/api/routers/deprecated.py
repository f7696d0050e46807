"""Deprecated routes, for clients of older versions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from headrace.api.dependencies import CurrentUser, ServicesDep
from headrace.api.http.multipart import UPLOAD_OPENAPI
from headrace.api.http.request_body import StrictJSONRoute
from headrace.api.routers.build import BuildInput, FileList, FlowData, stream_until_disconnect, to_run_request
from headrace.api.routers.files_v1 import FlowFile, upload_to_flow
from headrace.builds.build import Build
from headrace.errors import BadRequestError, NotFoundError
from headrace.graph.plan import subplan
from headrace.runs.flow_resolver import RunnableFlow

router = APIRouter(prefix="/api/v1", tags=["Deprecated"], route_class=StrictJSONRoute, deprecated=True)

_GONE: dict[int | str, dict[str, Any]] = {
    400: {"description": "The endpoint was removed; `detail` names its replacement"}
}
_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has no such flow"}}


class Gone(BaseModel):
    """The body of a removed endpoint, which is never returned."""


class VerticesOrder(BaseModel):
    """The first layer of vertices, which is the chat input alone if there is one, and all vertices in the order of execution."""

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


@router.post("/upload/{flow_id}", status_code=201, responses=_MISSING, openapi_extra=UPLOAD_OPENAPI)
async def upload(flow_id: UUID, request: Request, caller: CurrentUser, server: ServicesDep) -> FlowFile:
    """See `/files/upload/{flow_id}`."""
    return await upload_to_flow(flow_id, request, caller, server)


@router.post("/run/session/{flow_id_or_name}", responses={404: {"description": "The endpoint was removed"}})
async def run_session(flow_id_or_name: str) -> Gone:
    """See `/run/{flow_id_or_name}`."""
    raise NotFoundError("This endpoint is not available")


class VertexBody(BaseModel):
    """The input of the flow."""

    inputs: BuildInput | None = None
    files: FileList | None = None


class VertexBuild(BaseModel):
    """The result of a vertex."""

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
    400: {"description": "The flow is invalid, or has no such vertex"},
    429: {"description": "The server is at its limit of concurrent runs"},
}


async def _start_vertex_build(
    flow_id: UUID, vertex_id: str, caller: CurrentUser, server: ServicesDep, body: VertexBody
) -> Build:
    """Start a build of a vertex and its predecessors."""
    flow = await server.resolver.resolve(caller.id, str(flow_id))
    partial_flow = RunnableFlow(flow_id, subplan(flow.plan, start=None, stop=vertex_id))
    run_request = to_run_request(body.inputs or BuildInput(), files=body.files or ())
    return await server.builds.start(caller.id, partial_flow, run_request, subscriber=str(caller.id), keep=False)


@router.post("/build/{flow_id}/vertices/{vertex_id}", responses=_NOT_BUILT)
async def build_vertex(
    flow_id: UUID, vertex_id: str, caller: CurrentUser, server: ServicesDep, body: VertexBody | None = None
) -> VertexBuild:
    """Run a vertex and its predecessors, and return the result of the vertex. See `/build/{flow_id}/flow`."""
    build = await _start_vertex_build(flow_id, vertex_id, caller, server, body or VertexBody())
    result: dict[str, Any] = {"valid": False, "data": {}}
    async for line in stream_until_disconnect(build):
        event = orjson.loads(line)
        if event["event"] == "end_vertex" and (
            not event["data"]["build_data"]["valid"] or event["data"]["build_data"]["id"] == vertex_id
        ):
            result = event["data"]["build_data"]
    return VertexBuild(**result)


@router.get(
    "/build/{flow_id}/{vertex_id}/stream",
    responses={
        **_NOT_BUILT,
        200: {"content": {"text/event-stream": {}}, "description": "The tokens of the vertex, as server-sent events"},
    },
    response_class=Response,
)
async def stream_vertex(flow_id: UUID, vertex_id: str, caller: CurrentUser, server: ServicesDep) -> Response:
    """Run a vertex and its predecessors, and stream their tokens. See `/build/{flow_id}/flow`."""
    build = await _start_vertex_build(flow_id, vertex_id, caller, server, VertexBody())
    return StreamingResponse(
        _token_events(build), media_type="text/event-stream", headers={"cache-control": "no-cache"}
    )


async def _token_events(build: Build) -> AsyncIterator[bytes]:
    async for line in stream_until_disconnect(build):
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
    responses={**_MISSING, 400: {"description": "The flow is invalid"}},
)
async def vertices(
    flow_id: UUID, caller: CurrentUser, server: ServicesDep, body: FlowData | None = None
) -> VerticesOrder:
    """Return the order in which the vertices of a stored flow, or of a draft of it, run. The flow is not run."""
    flow = await server.resolver.resolve(caller.id, str(flow_id))
    plan = flow.plan if body is None else await server.resolver.compile(caller.id, body.model_dump())
    return VerticesOrder(
        ids=[str(v.id) for v in plan.first_vertices()],
        run_id=uuid4(),
        vertices_to_run=[str(i) for i in plan.vertices],
    )
