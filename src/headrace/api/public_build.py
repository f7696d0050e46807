"""Builds of public flows, for visitors without credentials.

A visitor is known by the cookie `client_id` alone. What a visitor sends reaches the chat's input and nothing else: the
flow is the stored one, the session is of the visitor's own, and nobody but the visitor watches or stops the build.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from fastapi import APIRouter, Cookie, Query, Request, Response
from fastapi.responses import JSONResponse

from headrace.api.build import (
    EVENTS_TYPE,
    BuildBody,
    Cancelled,
    EventDelivery,
    Started,
    attached,
    events_of,
    events_response,
    request_of,
)
from headrace.api.errors import BadRequestError, ForbiddenError
from headrace.api.json_body import StrictRoute
from headrace.api.state import Server
from headrace.graph.plan import part_of
from headrace.runs.runner import Target
from headrace.store import flows

router = APIRouter(prefix="/api/v1/build_public_tmp", tags=["Public flows"], route_class=StrictRoute)

ClientId = Annotated[str | None, Cookie(max_length=200, description="The visitor: any text that nobody else knows.")]

_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "The visitor has no such build"}}


def _visitor(client_id: str | None) -> str:
    if not client_id:
        raise BadRequestError(
            "No client_id cookie found. Send one that nobody else knows: it is what the visitor is known by."
        )
    return f"visitor:{client_id}"


@router.post(
    "/{flow_id}/flow",
    response_model=Started,
    responses={
        403: {"description": "There is no public flow with this id"},
        429: {"description": "Too many runs, of this visitor or at all"},
    },
)
async def start_public_build(
    flow_id: UUID,
    request: Request,
    server: Server,
    body: BuildBody | None = None,
    client_id: ClientId = None,
    stop_component_id: str | None = None,
    start_component_id: str | None = None,
    flow_name: Annotated[str | None, Query(description="For an editor's own use.")] = None,
    *,
    log_builds: Annotated[bool | None, Query(description="Passed over: a visitor's builds are not stored.")] = True,
    event_delivery: EventDelivery = EventDelivery.POLLING,
) -> Response:
    """Begin a build of a public flow, as it is stored. A draft in `data` is passed over."""
    visitor = _visitor(client_id)
    server.public_rate.take(request.client.host if request.client else "")
    async with server.store.reading() as connection:
        row = await flows.public(connection, flow_id)
    if row is None:
        raise ForbiddenError("Flow is not public")
    asked = (body or BuildBody()).model_copy(update={"data": None, "files": None})
    target = await server.runner.target(row["user_id"], str(flow_id))
    plan = part_of(target.plan, start=start_component_id, stop=stop_component_id)
    build = await server.builds.start(
        row["user_id"],
        Target(flow_id, plan),
        request_of(asked, session_id=_session(visitor, flow_id, asked), origin="public"),
        watcher=visitor,
        keep=False,
    )
    if event_delivery is EventDelivery.DIRECT:
        return events_response(attached(build))
    return JSONResponse({"job_id": str(build.id)})


def _session(visitor: str, flow_id: UUID, body: BuildBody) -> str:
    own = uuid5(NAMESPACE_URL, f"{visitor}/{flow_id}")
    named = body.inputs.session if body.inputs and body.inputs.session else ""
    return f"public-{uuid5(own, named)}"


@router.get(
    "/{job_id}/events",
    responses={**_MISSING, 200: {"content": {EVENTS_TYPE: {}}, "description": "The build's events"}},
    response_class=Response,
)
async def public_build_events(
    job_id: str,
    server: Server,
    client_id: ClientId = None,
    event_delivery: EventDelivery = EventDelivery.STREAMING,
    offset: Annotated[int | None, Query(ge=0, le=10**9, description="How many events were read already.")] = None,
) -> Response:
    """Return the events of a build that this visitor began."""
    return await events_of(server.builds, _visitor(client_id), job_id, event_delivery, offset)


@router.post("/{job_id}/cancel", responses=_MISSING)
async def cancel_public_build(job_id: str, server: Server, client_id: ClientId = None) -> Cancelled:
    """Stop a build that this visitor began."""
    await (await server.builds.of(_visitor(client_id), job_id)).cancel()
    return Cancelled(success=True, message="Flow build cancelled successfully")
