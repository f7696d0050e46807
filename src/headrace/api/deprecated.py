"""Addresses of older versions: what they answer to clients that still call them."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from pydantic import BaseModel

from headrace.api.build import Drawing
from headrace.api.errors import BadRequestError, NotFoundError
from headrace.api.files_v1 import FlowFile, upload_to_flow
from headrace.api.json_body import StrictRoute
from headrace.api.state import CallerNow, Server
from headrace.api.upload import UPLOAD

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


@router.post(
    "/build/{flow_id}/vertices",
    responses={**_MISSING, 400: {"description": "The flow cannot be run as it is drawn"}},
)
async def vertices(flow_id: UUID, caller: CallerNow, server: Server, body: Drawing | None = None) -> VerticesOrder:
    """Return the order of a flow's vertices: the stored flow's, or that of a drawing of it. Nothing is run."""
    target = await server.runner.target(caller.id, str(flow_id))
    plan = target.plan if body is None else server.runner.planned(body.model_dump())
    return VerticesOrder(
        ids=[v.id for v in plan.vertices.values() if not v.predecessors],
        run_id=uuid4(),
        vertices_to_run=[str(i) for i in plan.vertices],
    )
